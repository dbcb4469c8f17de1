package io.gradstream.arbitrator.round;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.ValuesRecord;
import java.lang.foreign.MemorySegment;

/** A shard's update record in the making: its values are filled in, then it is sealed. */
final class UpdateRecord {
  private final UpdateShard header;
  private final byte[] record;
  private final MemorySegment values;

  /**
   * @param verdict digest of the verdict that the update follows from
   */
  UpdateRecord(Manifest manifest, Shard shard, long round, ValueType type, ByteString verdict) {
    this(manifest, shard, round, type, verdict, false);
  }

  private UpdateRecord(
      Manifest manifest,
      Shard shard,
      long round,
      ValueType type,
      ByteString verdict,
      boolean skipped) {
    final int bytes = shard.length() * type.bytes();
    this.header =
        UpdateShard.newBuilder()
            .setRound(round)
            .setShard(shard.index())
            .setManifest(manifest.hash())
            .setType(ValuesRecord.typeOf(type))
            .setVerdict(verdict)
            .setDigest(Digests.UNKNOWN)
            .setSkipped(skipped)
            .build();
    this.record = ValuesRecord.allocate(header, bytes);
    this.values = ValuesRecord.valuesOf(record, bytes);
  }

  /** The record of a round that was skipped: its values are zero. */
  static byte[] skipped(
      Manifest manifest, Shard shard, long round, ValueType type, ByteString verdict) {
    return new UpdateRecord(manifest, shard, round, type, verdict, true).sealed();
  }

  /** Where the values go. */
  MemorySegment values() {
    return values;
  }

  /** The record with its digest. */
  byte[] sealed() {
    Digests.seal(record, header, values);
    return record;
  }
}
