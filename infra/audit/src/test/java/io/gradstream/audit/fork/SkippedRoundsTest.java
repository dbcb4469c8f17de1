package io.gradstream.audit.fork;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.check.Audit;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.Demands;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.lineage.Lineage;
import io.gradstream.audit.replay.AlternativeDecision;
import io.gradstream.audit.replay.Comparison;
import io.gradstream.audit.replay.Replay;
import io.gradstream.audit.restore.PastWeights;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.topic.Topics;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** Whoever reads a log takes a skipped round as the services took it. */
class SkippedRoundsTest {
  private static final String SKIPS = "on-divergence=skip-round";
  private static final MemoryLog SKIPPING = RecordedRun.skipping(Set.of(1L, 3L, 4L), SKIPS);
  private static final Topics TOPICS = SKIPPING.run().topics();

  private final MemoryLog log = SKIPPING.copy();

  @Test
  void anAuditComputesThemAlike() {
    final AuditReport report = audit();

    assertThat(report.findings()).isEmpty();
    assertThat(report.rounds()).isEqualTo(6);
    assertThat(report.notes())
        .contains(
            "round 1 is the first that was skipped: slot 1 of second is not finite, by alice/0 and bob/0",
            "3 rounds were skipped");
  }

  @Test
  void aVersionBehindOneHasTheSameValues() {
    assertThat(values(2)).isEqualTo(values(1)).isNotEqualTo(values(3));
    assertThat(values(5)).isEqualTo(values(4)).isEqualTo(values(3)).isNotEqualTo(values(6));
  }

  private static String values(long version) {
    final PastWeights past = PastWeights.restore(SKIPPING, version);
    assertThat(past.agreement(SKIPPING)).isEqualTo(PastWeights.Agreement.SAME);
    return HexFormat.of().formatHex(past.values().toArray(ValueLayout.JAVA_BYTE));
  }

  @Test
  void aForkTakesOverHowManyThereWere() {
    final ForkPoint point = ForkPoint.at(log, 4, round -> {});

    assertThat(point.verdict().getSkippedRounds()).isEqualTo(2);
    for (int partition = 0; partition < 2; partition++) {
      final PartitionState state = point.state(partition, point.verdict());
      assertThat(state.weights().getShardsList())
          .isNotEmpty()
          .extracting(ServerMetadata.ShardVersion::getSkipped)
          .containsOnly(2L);
      assertThat(state.round().getJointRounds()).isEqualTo(2);
    }
  }

  @Test
  void aReplaySkipsThemWithAnyMethod() {
    final var rounds = new ArrayList<Comparison>();
    try (var replay = new Replay(log, AlternativeDecision.of(log.run(), "pcgrad", List.of()))) {
      for (var next = replay.next(); next.isPresent(); next = replay.next()) {
        rounds.add(next.get());
      }
    }

    assertThat(rounds).hasSize(6);
    for (final int round : new int[] {1, 3, 4}) {
      assertThat(rounds.get(round).difference()).isZero();
      assertThat(rounds.get(round).alternative().getSkipped()).isTrue();
    }
    assertThat(rounds.get(2).alternative().getSkipped()).isFalse();
  }

  @Test
  void theRecordsBehindThemFitEachOther() {
    final var lineage = new Lineage(log);

    assertThat(lineage.check(4, lineage.round(3, passed -> {}))).isEmpty();
    assertThat(lineage.round(3, passed -> {}).products()).hasSize(1);
  }

  @Test
  void aGradientThatIsFiniteIsNoReason() throws MalformedRecordException {
    final LogRecord finite =
        log.find(
            TOPICS.gradients(1),
            record -> header(record).getRound() == 1 && header(record).getSlot() == 0);
    final LogRecord refused =
        log.find(TOPICS.gradients(1), record -> header(record).getWorker().equals("bob/0"));
    log.replace(refused, finite.value());

    assertThat(audit().findings())
        .extracting(Finding::what)
        .containsExactly(
            "slot 1 of second, shard 0, by bob/0: the round was skipped for it, and it is finite");
  }

  @Test
  void aGradientThatIsGoneIsMissed() {
    final LogRecord refused =
        log.find(TOPICS.gradients(1), record -> header(record).getWorker().equals("bob/0"));
    log.drop(refused);

    assertThat(audit().findings())
        .extracting(Finding::what)
        .containsExactly(
            "slot 1 of second, shard 0, by bob/0: the round was skipped for it, and it is not there");
  }

  /** An arbitrator that passes over a round because it likes to. */
  @Test
  void aVerdictThatNothingLedToIsFound() {
    final MemoryLog whole = RecordedRun.train(SKIPS);
    final LogRecord verdict = whole.find(TOPICS.verdicts(), record -> round(record) == 2);
    for (int partition = 0; partition < 2; partition++) {
      final var copy =
          whole.records(new TopicPartition(TOPICS.verdicts(), partition)).stream()
              .filter(record -> round(record) == 2)
              .findFirst()
              .orElseThrow();
      try {
        whole.replace(
            copy,
            Verdict.parseFrom(verdict.value()).toBuilder().setSkipped(true).build().toByteArray());
      } catch (InvalidProtocolBufferException e) {
        throw new AssertionError(e);
      }
    }

    try (var audit = new Audit(whole, Demands.all(), null)) {
      assertThat(audit.run(round -> {}).findings())
          .isNotEmpty()
          .anySatisfy(finding -> assertThat(finding.kind()).isEqualTo(Finding.Kind.VERDICT));
    }
  }

  @Test
  void statisticsWithTooLittleToShowAreNoReason() throws Exception {
    final LogRecord statement =
        log.find(TOPICS.statistics(), record -> statistics(record).hasDivergence());
    final var one = statistics(statement).toBuilder();
    one.getDivergenceBuilder().removeRefused(1);
    log.replace(statement, one.build().toByteArray());

    assertThat(audit().findings()).isNotEmpty();
  }

  private AuditReport audit() {
    try (var audit = new Audit(log, Demands.all(), null)) {
      return audit.run(round -> {});
    }
  }

  private static GradientShard header(LogRecord record) {
    try {
      return ValuesRecord.read(record.value(), GradientShard.parser()).header();
    } catch (MalformedRecordException e) {
      throw new AssertionError(e);
    }
  }

  private static long round(LogRecord record) {
    try {
      return Verdict.parseFrom(record.value()).getRound();
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private static ShardStatistics statistics(LogRecord record) {
    try {
      return ShardStatistics.parseFrom(record.value());
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }
}
