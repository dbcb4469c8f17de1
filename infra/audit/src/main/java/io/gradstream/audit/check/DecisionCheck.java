package io.gradstream.audit.check;

import io.gradstream.arbitrator.round.LocalRounds;
import io.gradstream.audit.rounds.Difference;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Decides a recorded round once more, compares statistics and verdict, and tells which of them is
 * the odd one out: what was decided from, what was decided, or what came after. One owner, one
 * thread.
 */
final class DecisionCheck {
  /**
   * The result of a check.
   *
   * @param verdict what follows is held against this one
   * @param corrected whether it is another than the recorded one
   * @param closes whether the sums can be combined by it
   */
  record Outcome(Verdict verdict, boolean corrected, boolean closes) {}

  private final LocalRounds rounds;
  private final Findings findings;

  /**
   * @param rounds the open one of which holds the sums, where there are any
   */
  DecisionCheck(LocalRounds rounds, Findings findings) {
    this.rounds = rounds;
    this.findings = findings;
  }

  /**
   * Compares a round's statistics and verdict with those that follow.
   *
   * @param before the verdict of the round before; null in the first
   * @param sums whether the round's sums were computed
   * @param updates those that were recorded for the round, by shard
   */
  Outcome check(
      LoggedRound logged,
      @Nullable Verdict before,
      boolean sums,
      SortedMap<Integer, LogRecord> updates) {
    final long round = logged.round();
    if (sums) {
      StatisticsComparison.of(logged, rounds.statistics()).forEach(findings::add);
    }
    final Verdict recorded = logged.verdict();
    if (recorded.equals(onRecorded(logged, before))) {
      if (!sums && findings.concern(round)) {
        note(round, "statistics and verdict agree; the odd one out is the gradient");
      }
      return new Outcome(recorded, false, true);
    }
    final Verdict own = sums ? onComputed(logged, before) : onRecorded(logged, before);
    if (own == null) {
      return new Outcome(recorded, false, false);
    }
    if (recorded.equals(own)) {
      note(round, "gradients and verdict agree; the odd one out is the statistics");
      return new Outcome(recorded, false, true);
    }
    if (PublishedShards.follow(updates, Digests.of(own))) {
      report(logged, own);
      note(
          round,
          "what comes after follows the verdict that was computed; the odd one out is the recorded one");
      return new Outcome(own, true, true);
    }
    if (!own.getContributions().equals(recorded.getContributions())) {
      report(logged, recorded.toBuilder().setContributions(own.getContributions()).build());
      return new Outcome(recorded, false, false);
    }
    report(logged, own);
    return new Outcome(recorded, false, isOfOneShape(recorded, own));
  }

  private void report(LoggedRound logged, Verdict expected) {
    findings.add(
        Difference.between(logged.verdict(), expected)
            .finding(Finding.Kind.VERDICT, logged.round(), logged.source(), "the verdict"));
  }

  private void note(long round, String line) {
    findings.note("round %d: %s".formatted(round, line));
  }

  /** Whether partitions can close their rounds by one verdict as by the other. */
  private static boolean isOfOneShape(Verdict one, Verdict other) {
    return one.getScalarized() == other.getScalarized()
        && one.getSkipped() == other.getSkipped()
        && one.getSharedCoefficientsCount() == other.getSharedCoefficientsCount()
        && one.getOwnCoefficientsCount() == other.getOwnCoefficientsCount()
        && one.getCalibration().getKeepCount() == other.getCalibration().getKeepCount()
        && one.getCalibration().getTakeCount() == other.getCalibration().getTakeCount()
        && one.getCalibration().getDirectCount() == other.getCalibration().getDirectCount()
        && one.getCalibration().getRememberedCount() == other.getCalibration().getRememberedCount();
  }

  /** The verdict on the recorded statistics; null if they are none to decide on. */
  private @Nullable Verdict onRecorded(LoggedRound logged, @Nullable Verdict before) {
    rounds.decideAfter(before);
    Verdict own = null;
    for (final LoggedRound.Statement statement : logged.statements()) {
      if (rounds.fits(statement.statistics())) {
        own = rounds.decide(statement.statistics(), statement.record().offset()).orElse(own);
      }
    }
    return own;
  }

  /**
   * The verdict on the statistics that were computed, as if they lay where the recorded ones do.
   */
  private @Nullable Verdict onComputed(LoggedRound logged, @Nullable Verdict before) {
    rounds.decideAfter(before);
    final SortedMap<Integer, LoggedRound.Said> said = logged.products();
    final Map<Long, ShardStatistics> places = new TreeMap<>();
    for (final ShardStatistics own : rounds.statistics()) {
      final LoggedRound.Said there =
          own.getShardsCount() == 0 ? null : said.get(own.getShards(0).getShard());
      if (there != null) {
        places.put(there.record().offset(), own);
      }
    }
    Verdict verdict = null;
    for (final var place : places.entrySet()) {
      verdict = rounds.decide(place.getValue(), place.getKey()).orElse(verdict);
    }
    return verdict;
  }
}
