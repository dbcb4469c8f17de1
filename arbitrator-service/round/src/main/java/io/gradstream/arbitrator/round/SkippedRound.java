package io.gradstream.arbitrator.round;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.ContributionsDigest;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.ShardStatistics.Contribution;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.OnDivergence;
import io.gradstream.proto.topic.Topics;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A round that cannot end and is passed over, where the run spec wants that.
 *
 * <p>The round changes nothing: the next weights version has the same values, and momentum, the
 * sums of the round before, memories of calibrators, the states of resolver and selection, the
 * optimizer's moments and the numbers of steps that bias corrections count are what they were
 * before it. Only the round's number goes on, and with it the batches and the learning rate's
 * schedule.
 *
 * <p>It follows from one record of the statistics alone, so it is decided alike after a restart and
 * by an auditor.
 */
public final class SkippedRound {
  /** More would not help: it is not the batch, it is the weights. */
  public static final int MOST_IN_A_ROW = 10;

  private SkippedRound() {}

  /**
   * Whether a round is skipped on some statistics of it.
   *
   * @param before verdict of the round before; null in the first
   */
  public static boolean isDecidedBy(
      ShardStatistics statistics, RunDescription run, @Nullable Verdict before) {
    final Verdict last = before == null ? Verdict.getDefaultInstance() : before;
    return statistics.hasDivergence()
        && run.spec().onDivergence() == OnDivergence.SKIP_ROUND
        && last.getSkippedInARow() < MOST_IN_A_ROW
        && StatisticsCheck.of(run.spec(), run.manifest(), RoundKind.of(last.getNextScalarized()))
            .fits(statistics);
  }

  /** Such as {@code slot 1 of ssim is not finite, by a/0 and b/0}. */
  public static String reason(ShardStatistics.Divergence divergence, List<String> tasks) {
    final Contribution first = divergence.getRefused(0);
    return "slot %d of %s is not finite, by %s"
        .formatted(first.getSlot(), Topics.nameOf(first.getTask(), tasks), workers(divergence));
  }

  /** Who found it, such as {@code a/0 and b/0}. */
  public static String workers(ShardStatistics.Divergence divergence) {
    return divergence.getRefusedList().stream()
        .map(Contribution::getWorker)
        .distinct()
        .collect(Collectors.joining(" and "));
  }

  /**
   * What the verdict of a skipped round has of its own.
   *
   * @param offset where the statistics lie that say so
   */
  static Verdict.Builder verdict(
      RunDescription run,
      Phase phase,
      ShardStatistics statistics,
      long offset,
      @Nullable Verdict before) {
    final Manifest manifest = run.manifest();
    final Verdict last = before == null ? Verdict.getDefaultInstance() : before;
    final ByteString contributions = contributions(manifest, statistics.getDivergence(), offset);
    return Verdict.newBuilder()
        .setRound(phase.round())
        .setManifest(manifest.hash())
        .setStatisticsOffset(offset + 1)
        .setScalarized(phase.scalarized())
        .setNextScalarized(phase.scalarized())
        .setJointRounds(phase.joint())
        .setSkipped(true)
        .setSkippedBecause(reason(statistics.getDivergence(), manifest.tasks()))
        .setSkippedRounds(last.getSkippedRounds() + 1)
        .setSkippedInARow(last.getSkippedInARow() + 1)
        .setResolver("none")
        .addAllRunningSquared(last.getRunningSquaredList())
        .setFingerprint(
            AdmissionPolicy.arithmeticAfter(run.spec().compute().arithmeticPolicy(), before))
        .setContributions(contributions);
  }

  private static ByteString contributions(
      Manifest manifest, ShardStatistics.Divergence divergence, long offset) {
    final Shard shard = manifest.shard(divergence.getShard());
    final var digest = new ContributionsDigest();
    digest.add(shard, offset, divergence.getRefusedList());
    return digest.end();
  }
}
