package io.gradstream.proto.record;

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
 * @param version the weights version
 * @param shard the shard of the manifest
 * @param values its values, inside the record
 * @param type how the values travel
 */
public record WeightRecord(long version, Shard shard, MemorySegment values, ValueType type) {
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
    return new WeightRecord(header.getVersion(), shard, read.values(), type);
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
