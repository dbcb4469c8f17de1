package io.gradstream.audit.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.Metric;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What an audit says of validation losses that somebody changed, took away or made up. */
class ValidationCheckTest {
  /** Versions 0, 2, 4 and 6 are validated. */
  private static final MemoryLog WHOLE = RecordedRun.train("evaluation.every=2");

  private static final TopicPartition METRICS =
      new TopicPartition(WHOLE.run().topics().metrics(), 0);

  private final MemoryLog log = WHOLE.copy();

  @Test
  void eachNamesItsWeights() {
    final AuditReport report = audit(true);

    assertThat(report.findings()).isEmpty();
    assertThat(report.validationsCompared()).isEqualTo(4);
  }

  @Test
  void changedLossesAreFound() {
    final LogRecord record = losses(1);
    final var changed = parse(record).toBuilder();
    changed.getValidationBuilder().putLosses("first", 0.25);
    log.replace(record, changed.build().toByteArray());

    assertThat(audit(false).findings())
        .extracting(Finding::toString)
        .containsExactly(
            "round 1, made.metrics-0 at offset 1: validation losses of version 2: losses that are not"
                + " those of their digest",
            "round 3, made.metrics-0 at offset 2: validation losses of version 4: the ones that they"
                + " name as those before them are gone");
  }

  /** Whoever makes the digest fit breaks the chain. */
  @Test
  void changedLossesWhoseDigestWasMadeToFitAreMissedByTheNext() {
    final LogRecord record = losses(1);
    final var changed = parse(record).toBuilder();
    changed.getValidationBuilder().putLosses("first", 0.25);
    log.replace(record, withDigest(changed));

    assertThat(audit(false).findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.kind()).isEqualTo(Finding.Kind.VALIDATION);
              assertThat(finding.offset()).isEqualTo(2);
            });
  }

  @Test
  void lossesThatAreGoneAreMissedByTheNextAndTheLastOnesOfACompleteRun() {
    for (final int dropped : List.of(0, 1, 2)) {
      final MemoryLog without = WHOLE.copy();
      without.drop(losses(dropped));
      assertThat(audit(without, false).findings())
          .singleElement()
          .satisfies(
              finding -> {
                assertThat(finding.offset()).isEqualTo(dropped + 1);
                assertThat(finding.what()).contains("before them are gone");
              });
    }
    log.drop(losses(3));
    assertThat(audit(false).findings()).isEmpty();
    assertThat(audit(true).findings())
        .extracting(Finding::what)
        .containsExactly("the validation losses of the last version are not there");
  }

  @Test
  void lossesOfOtherWeightsOrOfVersionsThatAreNotThereAreFound() {
    final var other = parse(losses(3)).toBuilder();
    other.getValidationBuilder().setWeights(Digests.of(ByteString.copyFromUtf8("others")));
    log.replace(losses(3), withDigest(other));
    other.getValidationBuilder().setVersion(7);
    log.append(METRICS.topic(), 0, null, withDigest(other));

    assertThat(audit(false).findings())
        .extracting(Finding::what)
        .containsExactly(
            "validation losses of version 7: the run does not have that version",
            "the validation losses of version 6 are of other weights");
  }

  private static byte[] withDigest(Metric.Builder losses) {
    return losses.setDigest(Digests.of(WHOLE.run().digest(), losses.build())).build().toByteArray();
  }

  private static LogRecord losses(int number) {
    return WHOLE.records(METRICS).get(number);
  }

  private static Metric parse(LogRecord record) {
    try {
      return Metric.parseFrom(record.bytes());
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private AuditReport audit(boolean complete) {
    return audit(log, complete);
  }

  private static AuditReport audit(MemoryLog log, boolean complete) {
    final Demands all = Demands.all();
    final var demands = new Demands(all.first(), all.last(), ByteString.EMPTY, complete);
    try (var audit = new Audit(log, demands, null)) {
      return audit.run(round -> {});
    }
  }
}
