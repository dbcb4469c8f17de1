package io.gradstream.cli.progress;

import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.TaskSlots;
import java.util.OptionalDouble;

/**
 * How much of a task's gradient is signal, from the slots' own norms against that of their mean.
 *
 * <p>Of K slots with mean gradient a and squared norms of mean q, {@code (K|a|^2 - q) / (K - 1)} is
 * an unbiased estimate of the true gradient's squared norm |G|^2 and {@code K (q - |a|^2) / (K -
 * 1)} one of tr(Sigma), the variance of one slot. Both are summed over the rounds before they are
 * divided: one round's estimates scatter, and that of the signal may even be negative. One thread.
 */
final class SignalToNoise {
  private final TaskSlots ofTasks;
  private final double[] signal;
  private final double[] noise;

  /**
   * @param slots how many slots K each task has in a round
   */
  SignalToNoise(int tasks, TaskSlots slots) {
    this.ofTasks = slots;
    this.signal = new double[tasks];
    this.noise = new double[tasks];
  }

  /** Takes in a round; one of scalarized gradients tells nothing of single tasks. */
  void add(Verdict verdict) {
    if (verdict.getSlotSquaredMeanCount() != signal.length
        || verdict.getMeanSquaredCount() != signal.length) {
      return;
    }
    for (int task = 0; task < signal.length; task++) {
      final int slots = ofTasks.of(task);
      if (slots < 2) {
        continue;
      }
      final double ofSlots = verdict.getSlotSquaredMean(task);
      final double ofMean = verdict.getMeanSquared(task);
      signal[task] += (slots * ofMean - ofSlots) / (slots - 1);
      noise[task] += slots * (ofSlots - ofMean) / (slots - 1);
    }
  }

  /**
   * |G|^2 over tr(Sigma) of one slot, not below 0; empty with one slot a round, before the first
   * round, and where slots do not differ at all.
   */
  OptionalDouble ratio(int task) {
    final double ratio = Math.max(0, signal[task]) / noise[task];
    return noise[task] > 0 && Double.isFinite(ratio)
        ? OptionalDouble.of(ratio)
        : OptionalDouble.empty();
  }
}
