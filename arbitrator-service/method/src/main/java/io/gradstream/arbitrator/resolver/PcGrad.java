package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;

/**
 * PCGrad: each task's gradient is projected, one after the other in random order, onto the normal
 * plane of every other task's original gradient that it conflicts with; the update is the sum (Yu
 * et al. 2020, arXiv:2001.06782, algorithm 1; checked against LibMTL's and TorchJD's PCGrad).
 *
 * <p>LibMTL also visits the task itself, which matters only once the others have turned its
 * gradient by more than a right angle, and has 1e-8 in the divisor; TorchJD, and the paper, do
 * neither.
 */
final class PcGrad implements Resolver {

  /** Options of {@code pcgrad}. */
  record Options(
      @Param(
              value = "whether a task's own gradient is among those visited, as in LibMTL",
              defaultValue = "false")
          boolean includeSelf,
      @Param(value = "added to the squared norm that is divided by", defaultValue = "0.0", min = 0)
          double eps) {}

  private final Options options;
  private final RandomSource draws;

  PcGrad(Options options, RandomSource draws) {
    this.options = options;
    this.draws = draws;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[][] gram = round.gram();
    int[][] orders = draws.visitingOrders(round);
    double[] weights = new double[n];
    int projections = 0;
    for (int task = 0; task < n; task++) {
      double[] coefficients = DoubleVectors.unit(n, task);
      for (int other : orders[task]) {
        if (other == task && !options.includeSelf()) {
          continue;
        }
        double product = DoubleVectors.dot(gram[other], coefficients);
        double divisor = gram[other][other] + options.eps();
        // A zero gradient has no direction to conflict with; rounding must not make it one.
        if (product < 0 && divisor > 0) {
          coefficients[other] -= product / divisor;
          projections++;
        }
      }
      for (int k = 0; k < n; k++) {
        weights[k] += coefficients[k];
      }
    }
    return Resolution.of(weights, state).with("projections", projections);
  }
}
