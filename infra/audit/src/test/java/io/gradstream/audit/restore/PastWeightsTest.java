package io.gradstream.audit.restore;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Weights that are computed from the log are the parameter server's, whatever else lies there. */
class PastWeightsTest {
  private final MemoryLog log = RecordedRun.train();

  /** The transport's precision is not the model's. */
  @Test
  void whereValuesTravelAsBfloat16TheServersOwnAreFloat32() {
    final MemoryLog rounded = RecordedRun.train("transport.value-type=bfloat16");

    final PastWeights past = PastWeights.newest(rounded);

    assertThat(past.version()).isEqualTo(6);
    assertThat(past.agreement(rounded)).isEqualTo(PastWeights.Agreement.SAME);
    assertThat(lowBits(past.published())).isZero();
    assertThat(lowBits(past.values())).isGreaterThan(past.run().manifest().size() / 2);
    final long size = past.run().manifest().size();
    final MemorySegment travelled = MemorySegment.ofArray(new byte[(int) size * 2]);
    final MemorySegment again = MemorySegment.ofArray(new byte[(int) size * Float.BYTES]);
    Kernels.scalar().convert(travelled, ValueType.BFLOAT16, past.values(), ValueType.FLOAT32, size);
    Kernels.scalar().convert(again, ValueType.FLOAT32, travelled, ValueType.BFLOAT16, size);
    assertThat(again.mismatch(past.published())).isEqualTo(-1);
  }

  private static long lowBits(MemorySegment values) {
    return LongStream.range(0, values.byteSize() / Float.BYTES)
        .filter(i -> (Float.floatToRawIntBits(values.getAtIndex(ValueType.FLOAT, i)) & 0xffff) != 0)
        .count();
  }

  @Test
  void whatNoVerdictLedToIsNotTheNewest() throws MalformedRecordException {
    final PastWeights honest = PastWeights.newest(log);
    final LogRecord update =
        log.find(log.run().topics().updates(), record -> header(record).getRound() == 5);
    final byte[] forged = update.bytes().clone();
    forged[forged.length - 1] ^= 1;
    final var read = ValuesRecord.read(forged, UpdateShard.parser());
    final UpdateShard unfounded = read.header().toBuilder().setVerdict(Digests.UNKNOWN).build();
    Digests.seal(forged, unfounded, read.values());
    log.insert(update, update.key(), forged);
    final LogRecord first = log.find(log.run().topics().weights(), record -> true);
    final var weights = ValuesRecord.read(first.bytes(), WeightShard.parser());
    final byte[] later =
        ValuesRecord.allocate(
            weights.header().toBuilder().setVersion(7).build(), (int) weights.values().byteSize());
    log.append(first.source().topic(), first.source().partition(), first.key(), later);

    final PastWeights past = PastWeights.newest(log);

    assertThat(past.version()).isEqualTo(6);
    assertThat(past.values().mismatch(honest.values())).isEqualTo(-1);
    assertThat(past.agreement(log)).isEqualTo(PastWeights.Agreement.SAME);
  }

  /** What readers of the topic would not take does not speak against the run. */
  @Test
  void weightsThatNoSealNamesAreNoDisagreement() throws MalformedRecordException {
    final PastWeights honest = PastWeights.newest(log);
    final LogRecord record =
        log.find(
            log.run().topics().weights(),
            each -> !Arrays.equals(each.key(), Keys.seal()) && version(each) == 6);
    final byte[] forged = record.bytes().clone();
    forged[forged.length - 1] ^= 1;
    final var read = ValuesRecord.read(forged, WeightShard.parser());
    Digests.seal(forged, read.header(), read.values());
    log.insert(record, record.key(), forged);

    assertThat(honest.agreement(log)).isEqualTo(PastWeights.Agreement.SAME);
  }

  private static long version(LogRecord record) {
    try {
      return ValuesRecord.read(record.bytes(), WeightShard.parser()).header().getVersion();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }

  private static UpdateShard header(LogRecord record) {
    try {
      return ValuesRecord.read(record.bytes(), UpdateShard.parser()).header();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }
}
