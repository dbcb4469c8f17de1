package io.gradstream.arbitrator.round;

import io.gradstream.proto.kernels.SplitMix64;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Checks gradients of the open round against the verdict of the round before.
 *
 * <p>It checks two things that a gradient's record alone does not show. The nonce proves that the
 * gradient's order came after that verdict, since nobody can know it before. The norm must not be
 * larger than the spec allows, compared with the task's running norm, unless that is zero. Both
 * follow from the log, so a gradient that is read again gets the same answer, and both are checked
 * once the gradient's round is open.
 */
public final class AdmissionPolicy {
  /** Weight of the newest round in a task's running squared norm. */
  private static final double NEWEST = 0.1;

  private final @Nullable Double maxNormRatio;

  /**
   * @param maxNormRatio how many times the running norm a gradient may have; null for no limit
   */
  public AdmissionPolicy(@Nullable Double maxNormRatio) {
    this.maxNormRatio = maxNormRatio;
  }

  /**
   * Checks a gradient of the open round.
   *
   * @param before verdict of the round before; null in the first round
   * @throws MalformedRecordException with the reason why it must not be added
   */
  public void check(SlotGradient gradient, @Nullable Verdict before)
      throws MalformedRecordException {
    final long nonce = before == null ? 0 : before.getNonce();
    if (gradient.nonce() != nonce) {
      throw new MalformedRecordException(
          "nonce %016x, but orders of round %d have %016x: no answer to an order of this round"
              .formatted(gradient.nonce(), gradient.round(), nonce));
    }
    final int task = gradient.report().getTask();
    if (maxNormRatio == null || before == null || task >= before.getRunningSquaredCount()) {
      return;
    }
    final double running = Math.sqrt(before.getRunningSquared(task));
    final double norm = Math.sqrt(gradient.squaredNorm());
    if (running > 0 && norm > maxNormRatio * running) {
      throw new MalformedRecordException(
          "norm %.4g of shard %d alone; the task's running norm is %.4g, of which %.4g times are allowed"
              .formatted(norm, gradient.shard(), running, maxNormRatio));
    }
  }

  /** The running squared norms after a round, from those before it and the round's own. */
  static List<Double> running(@Nullable Verdict before, double[] slotSquaredMean) {
    final var running = new ArrayList<Double>();
    for (int task = 0; task < slotSquaredMean.length; task++) {
      running.add(
          before == null || before.getRunningSquaredCount() == 0
              ? slotSquaredMean[task]
              : (1 - NEWEST) * before.getRunningSquared(task) + NEWEST * slotSquaredMean[task]);
    }
    return running;
  }

  /** A number that nobody can know before the round's losses and inner products are known. */
  static long nonce(Verdict.Builder verdict) {
    return Stream.of(
            List.of((double) verdict.getRound(), verdict.getUpdateNorm()),
            verdict.getLossesList(),
            verdict.getGramList(),
            verdict.getSlotSquaredMeanList())
        .flatMap(List::stream)
        .mapToLong(Double::doubleToLongBits)
        .reduce(verdict.getManifest(), (hash, bits) -> SplitMix64.next(hash ^ bits));
  }
}
