package io.gradstream.audit.lineage;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The records behind a version are held against each other's digests. */
class LineageTest {
  private final MemoryLog log = RecordedRun.train("rounds=4");

  @Test
  void anHonestVersionHasNothingWrong() {
    assertThat(check(3)).isEmpty();
    assertThat(new Lineage(log).check(0, null)).isEmpty();
  }

  @Test
  void aChangedGradientAndChangedWeightsAreNamed() {
    final LogRecord gradient =
        log.find(log.run().topics().gradients(1), record -> read(record, true).equals(2L));
    final LogRecord weights =
        log.find(
            log.run().topics().weights(),
            record -> !Arrays.equals(record.key(), Keys.seal()) && read(record, false).equals(3L));
    flip(gradient);
    flip(weights);

    assertThat(check(3))
        .extracting(finding -> finding.where() + "@" + finding.offset())
        .containsExactlyInAnyOrder(
            gradient.source() + "@" + gradient.offset(), weights.source() + "@" + weights.offset());
  }

  private void flip(LogRecord record) {
    final byte[] bytes = record.bytes().clone();
    bytes[bytes.length - 1] ^= 1;
    log.replace(record, bytes);
  }

  private List<Finding> check(long version) {
    final var lineage = new Lineage(log);
    return lineage.check(version, lineage.round(version - 1, passed -> {}));
  }

  private static Long read(LogRecord record, boolean gradient) {
    try {
      return gradient
          ? ValuesRecord.read(record.bytes(), GradientShard.parser()).header().getRound()
          : ValuesRecord.read(record.bytes(), WeightShard.parser()).header().getVersion();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }
}
