package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * GradDrop: keeps in each element the gradients of one sign, drawn with the probability of that
 * sign's share (Chen et al. 2020, arXiv:2010.06808, algorithm 1; checked against TorchJD's
 * GradDrop).
 *
 * <p>P = (1 + sum g / sum |g|) / 2 is compared with a number U from [0, 1): a task's positive
 * element is kept if {@code P > U}, a negative one if {@code P < U}; a leak lets a fraction through
 * all the same. U follows from (seed, round, element), so every shard and every replay draws the
 * same.
 *
 * <p>The paper drops gradients of a layer's activations, multiplied by the activations' signs and
 * summed over the batch. A log of parameters' gradients has no activations; like TorchJD, this
 * class drops the elements of the parameters' gradients.
 */
final class GradDrop implements ElementwiseResolver {

  /** Options of {@code graddrop}. */
  record Options(
      @Param(
              value = "for each task the fraction that passes even when dropped; all 0 if absent",
              min = 0,
              max = 1)
          @Nullable List<Double> leak) {}

  private final Options options;
  private final RandomSource draws;

  GradDrop(Options options, RandomSource draws) {
    this.options = options;
    this.draws = draws;
  }

  @Override
  public MethodState initialState(int tasks) {
    leaks(tasks);
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    return Resolution.of(new double[0], state);
  }

  @Override
  public void combine(
      long seed, long round, long firstElement, double[][] gradients, double[] update) {
    double[] leaks = leaks(gradients.length);
    for (int d = 0; d < update.length; d++) {
      double sum = 0;
      double size = 0;
      for (double[] gradient : gradients) {
        sum += gradient[d];
        size += Math.abs(gradient[d]);
      }
      double positive = size > 0 ? (1 + sum / size) / 2 : 0.5;
      double u = draws.uniform(seed, round, firstElement + d);
      double combined = 0;
      for (int i = 0; i < gradients.length; i++) {
        double value = gradients[i][d];
        boolean kept = (positive > u && value > 0) || (positive < u && value < 0);
        combined += (kept ? 1 : leaks[i]) * value;
      }
      update[d] = combined;
    }
  }

  private double[] leaks(int tasks) {
    return OptionChecks.perTask("leak", options.leak(), tasks, 0);
  }
}
