package io.gradstream.audit.rounds;

import io.gradstream.arbitrator.round.AdmissionPolicy;
import io.gradstream.arbitrator.round.DivergedException;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.MalformedRecordException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the gradients that a round was skipped for: each must lie where the statistics say,
 * answer an order of the round by an arithmetic that the run takes, and be refused for no other
 * reason than that it is not finite.
 */
final class DivergenceCheck {
  private final RunLog log;
  private final SlotGradient.Rules rules;
  private final AdmissionPolicy admission;
  private final FindingListener findings;

  DivergenceCheck(RunLog log, SlotGradient.Rules rules, FindingListener findings) {
    this.log = log;
    this.rules = rules;
    this.admission = new AdmissionPolicy(log.run());
    this.findings = findings;
  }

  /**
   * @param before verdict of the round before; null in the first
   */
  void check(long round, LoggedRound.Statement statement, @Nullable Verdict before) {
    final ShardStatistics.Divergence divergence = statement.statistics().getDivergence();
    final int partition = rules.manifest().shard(divergence.getShard()).partition();
    for (final ShardStatistics.Contribution each : divergence.getRefusedList()) {
      final var source =
          new TopicPartition(log.run().topics().gradients(each.getTask()), partition);
      if (each.getOffset() >= log.start(source)) { // what retention took is nobody's fault
        check(round, divergence.getShard(), each, source, before);
      }
    }
  }

  private void check(
      long round,
      int shard,
      ShardStatistics.Contribution claim,
      TopicPartition source,
      @Nullable Verdict before) {
    final String what =
        "slot %d of %s, shard %d, by %s"
            .formatted(
                claim.getSlot(),
                log.run().topics().nameOf(claim.getTask()),
                shard,
                DeadLetters.printable(claim.getWorker()));
    try (LogCursor cursor = log.read(source, claim.getOffset())) {
      final LogRecord record = cursor.next();
      if (record == null || record.offset() != claim.getOffset()) {
        findings.add(
            Finding.of(
                Finding.Kind.MISSING,
                round,
                source,
                claim.getOffset(),
                what + ": the round was skipped for it, and it is not there"));
        return;
      }
      final String fault = faultOf(record, round, shard, claim, source.partition(), before);
      if (!fault.isEmpty()) {
        findings.add(
            Finding.of(
                Finding.Kind.GRADIENT,
                round,
                record,
                "%s: the round was skipped for it, and %s".formatted(what, fault)));
      }
    }
  }

  /** What speaks against a gradient that is said not to be finite; empty where nothing does. */
  private String faultOf(
      LogRecord record,
      long round,
      int shard,
      ShardStatistics.Contribution claim,
      int partition,
      @Nullable Verdict before) {
    try {
      SlotGradient.read(record.bytes(), claim.getTask(), partition, rules);
      return "it is finite";
    } catch (DivergedException e) {
      final GradientShard header = e.header();
      if (header.getRound() != round
          || header.getShard() != shard
          || header.getSlot() != claim.getSlot()
          || !header.getWorker().equals(claim.getWorker())
          || !header.getDigest().equals(claim.getDigest())) {
        return "it is another one";
      }
      try {
        // What the first slot of this very round decided is not known here.
        admission.checkDiverged(header, claim.getTask(), before, header.getFingerprint());
        return "";
      } catch (MalformedRecordException notAdmitted) {
        return "it was not to be admitted: " + notAdmitted.getMessage();
      }
    } catch (MalformedRecordException e) {
      return "it is none of the run's gradients: " + e.getMessage();
    }
  }
}
