package io.gradstream.arbitrator.round;

import io.gradstream.proto.kernels.SplitMix64;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the verdict of the round before says of the gradients that the open round may take.
 *
 * <p>Two things that a gradient's record alone does not show. Its nonce proves that its order came
 * after that verdict; one that was sent before its round began cannot have it. And its norm must
 * not be absurd beside the task's running norm, unless that is zero. Both follow from the log, so a
 * gradient that is read again is judged alike, and both are looked at once its round is open.
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
   * Lets a gradient of the open round in.
   *
   * @param before verdict of the round before; null in the first round
   * @throws MalformedRecordException with the reason why it must not be added
   */
  public void check(SlotGradient gradient, @Nullable Verdict before)
      throws MalformedRecordException {
    final long nonce = before == null ? 0 : before.getNonce();
    if (gradient.nonce() != nonce) {
      throw new MalformedRecordException(
          "nonce %016x, those of round %d have %016x: no answer to an order of this round"
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
          "norm %.4g of shard %d alone, the task's gradients run at %.4g and may have %.4g times that"
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
