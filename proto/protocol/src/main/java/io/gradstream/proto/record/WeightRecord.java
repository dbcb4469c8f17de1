package io.gradstream.proto.record;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.WeightShard;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One shard of a weights version, read in place.
 *
 * @param header the record without its values
 * @param shard the shard of the manifest
 * @param values its values, inside the record
 * @param type how the values travel
 */
public record WeightRecord(WeightShard header, Shard shard, MemorySegment values, ValueType type) {
  /**
   * Reads a record of the weights topic.
   *
   * @throws MalformedRecordException when it is no weight shard of this manifest
   */
  public static WeightRecord read(byte @Nullable [] record, Manifest manifest)
      throws MalformedRecordException {
    final ValuesRecord<WeightShard> read = ValuesRecord.read(record, WeightShard.parser());
    final WeightShard header = read.header();
    if (header.getManifest() != manifest.hash()
        || header.getShard() < 0
        || header.getShard() >= manifest.shards().size()) {
      throw new MalformedRecordException("weights of another manifest");
    }
    final Shard shard = manifest.shard(header.getShard());
    final ValueType type = ValuesRecord.typeOf(header.getType());
    if (read.values().byteSize() != (long) shard.length() * type.bytes()) {
      throw new MalformedRecordException(
          "%d bytes of weights for shard %d".formatted(read.values().byteSize(), shard.index()));
    }
    return new WeightRecord(header, shard, read.values(), type);
  }

  /** The weights version. */
  public long version() {
    return header.getVersion();
  }

  /** The digest that the record claims. */
  public ByteString digest() {
    return header.getDigest();
  }

  /**
   * Holds the claimed digest against header and values.
   *
   * @throws MalformedRecordException if it is another one
   */
  public void checkDigest() throws MalformedRecordException {
    if (!Digests.of(header, values).equals(digest())) {
      throw new MalformedRecordException("weights that are not those of their digest");
    }
  }

  /** Copies the values to their place in a flat float32 vector. */
  public void copyTo(MemorySegment flat, Kernels kernels) {
    kernels.convert(
        flat.asSlice(shard.offset() * Float.BYTES, (long) shard.length() * Float.BYTES),
        ValueType.FLOAT32,
        values,
        type,
        shard.length());
  }
}
