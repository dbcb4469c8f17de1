package io.gradstream.cli.progress;

import io.gradstream.proto.message.Verdict;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The variance of one micro-batch's gradient as the groups of a run's rounds show it, before and
 * after calibration. Both are summed over the rounds before they are divided. One thread.
 */
final class GroupVariance {
  private final double[] gradients;
  private final double[] calibrated;
  private long rounds;

  GroupVariance(int tasks) {
    this.gradients = new double[tasks];
    this.calibrated = new double[tasks];
  }

  /** Takes in a round; one without groups tells nothing. */
  void add(Verdict verdict) {
    if (verdict.getGradientVarianceCount() != gradients.length) {
      return;
    }
    rounds++;
    add(verdict.getGradientVarianceList(), gradients);
    add(verdict.getCalibratedVarianceList(), calibrated);
  }

  private static void add(List<Double> numbers, double[] sums) {
    for (int task = 0; task < sums.length && numbers.size() == sums.length; task++) {
      sums[task] += numbers.get(task);
    }
  }

  /** Of a task's loss-weighted gradient over the shared parameters; empty without groups. */
  OptionalDouble ofGradient(int task) {
    return rounds == 0 ? OptionalDouble.empty() : OptionalDouble.of(gradients[task] / rounds);
  }

  /** Var(m) over Var(g): which share of it calibration left; empty where there was none. */
  OptionalDouble shareLeft(int task) {
    return calibrated[task] > 0 && gradients[task] > 0
        ? OptionalDouble.of(calibrated[task] / gradients[task])
        : OptionalDouble.empty();
  }
}
