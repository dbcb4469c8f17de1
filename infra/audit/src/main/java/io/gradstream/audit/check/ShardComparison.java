package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import io.gradstream.audit.rounds.Difference;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.manifest.Tensor;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/** Compares a recorded shard of an update or of the weights with the one that was computed here. */
final class ShardComparison {
  private final Manifest manifest;
  private final ByteString runDigest;

  ShardComparison(RunDescription run) {
    this.manifest = run.manifest();
    this.runDigest = run.digest();
  }

  /** What is wrong with a recorded update. */
  Optional<Finding> update(long round, LogRecord recorded, byte[] own) {
    return compare(Finding.Kind.UPDATE, round, recorded, own, UpdateShard.parser());
  }

  /** What is wrong with recorded weights. */
  Optional<Finding> weights(long round, LogRecord recorded, byte[] own) {
    return compare(Finding.Kind.WEIGHTS, round, recorded, own, WeightShard.parser());
  }

  /** What is wrong with weights to start from, which nothing but their digest can vouch for. */
  Optional<Finding> initial(LogRecord recorded) {
    try {
      final ValuesRecord<UpdateShard> read =
          ValuesRecord.read(recorded.bytes(), UpdateShard.parser());
      final UpdateShard expected =
          read.header().toBuilder()
              .setVerdict(runDigest)
              .setDigest(
                  Digests.of(
                      read.header().toBuilder().setVerdict(runDigest).build(), read.values()))
              .build();
      final Difference difference = Difference.between(read.header(), expected);
      return difference.none()
          ? Optional.empty()
          : Optional.of(
              difference.finding(Finding.Kind.UPDATE, 0, recorded, "the weights to start from"));
    } catch (MalformedRecordException e) {
      return Optional.of(malformed(Finding.Kind.UPDATE, 0, recorded, e));
    }
  }

  /** What is wrong with an update that cannot be computed: its digest, or the verdict it names. */
  Optional<Finding> chained(long round, LogRecord recorded, ByteString verdict) {
    try {
      final ValuesRecord<UpdateShard> read =
          ValuesRecord.read(recorded.value(), UpdateShard.parser());
      final UpdateShard named = read.header().toBuilder().setVerdict(verdict).build();
      final UpdateShard expected =
          named.toBuilder().setDigest(Digests.of(named, read.values())).build();
      final Difference difference = Difference.between(read.header(), expected);
      return difference.none()
          ? Optional.empty()
          : Optional.of(
              difference.finding(
                  Finding.Kind.UPDATE, round, recorded, "shard " + expected.getShard()));
    } catch (MalformedRecordException e) {
      return Optional.of(malformed(Finding.Kind.UPDATE, round, recorded, e));
    }
  }

  private <H extends Message> Optional<Finding> compare(
      Finding.Kind kind, long round, LogRecord recorded, byte[] own, Parser<H> parser) {
    final byte[] bytes = recorded.bytes();
    try {
      final ValuesRecord<H> expected = ValuesRecord.read(own, parser);
      final int shard =
          expected.header() instanceof UpdateShard update
              ? update.getShard()
              : ((WeightShard) expected.header()).getShard();
      if (!Arrays.equals(recorded.key(), Keys.shard(shard))) {
        return Optional.of(
            Finding.of(kind, round, recorded, "the key is not that of shard " + shard));
      }
      if (Arrays.equals(bytes, own)) {
        return Optional.empty();
      }
      final ValuesRecord<H> there = ValuesRecord.read(bytes, parser);
      final long at = there.values().mismatch(expected.values());
      if (at < 0) {
        return Optional.of(
            Difference.between(there.header(), expected.header())
                .finding(kind, round, recorded, "shard " + shard));
      }
      return Optional.of(
          valueDiffers(kind, round, recorded, manifest.shard(shard), there, expected, at));
    } catch (MalformedRecordException e) {
      return Optional.of(malformed(kind, round, recorded, e));
    }
  }

  private <H extends Message> Finding valueDiffers(
      Finding.Kind kind,
      long round,
      LogRecord recorded,
      Shard shard,
      ValuesRecord<H> there,
      ValuesRecord<H> expected,
      long at) {
    final int width = (int) (expected.values().byteSize() / shard.length());
    final long index = at / width;
    final long flat = shard.offset() + index;
    final Tensor tensor =
        manifest.tensors().stream()
            .filter(each -> flat >= each.offset() && flat < each.offset() + each.size())
            .findFirst()
            .orElseThrow();
    final boolean comparable = there.values().byteSize() == expected.values().byteSize();
    return new Finding(
        kind,
        round,
        recorded.source(),
        recorded.offset(),
        "shard %d, value %d (%s[%d])"
            .formatted(shard.index(), index, tensor.name(), flat - tensor.offset()),
        comparable ? text(there.values(), index, width) : there.values().byteSize() + " bytes",
        comparable
            ? text(expected.values(), index, width)
            : expected.values().byteSize() + " bytes");
  }

  private static String text(MemorySegment values, long index, int width) {
    final ValueType type = width == Float.BYTES ? ValueType.FLOAT32 : ValueType.BFLOAT16;
    final MemorySegment value = MemorySegment.ofArray(new byte[Float.BYTES]);
    Kernels.scalar()
        .convert(value, ValueType.FLOAT32, values.asSlice(index * width, width), type, 1);
    final float number = value.get(ValueType.FLOAT, 0);
    return "%s (bits %08x)".formatted(number, Float.floatToRawIntBits(number));
  }

  private static Finding malformed(
      Finding.Kind kind, long round, LogRecord recorded, MalformedRecordException e) {
    return Finding.of(kind, round, recorded, "unreadable: " + e.getMessage());
  }
}
