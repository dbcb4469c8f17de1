package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Param;

/**
 * GradVac: each task's gradient is turned, one after the other in random order, towards every other
 * task's until their cosine reaches its running average (Wang et al. 2021, "Gradient Vaccine",
 * arXiv:2010.05874, algorithm 1; checked against LibMTL's and TorchJD's GradVac).
 *
 * <p>With rho the cosine and T its moving average: where rho is below T, c_j grows by |c| (T sqrt(1
 * - rho^2) - rho sqrt(1 - T^2)) / (n_j sqrt(1 - T^2)); always T moves towards rho. In the first
 * round, T = 0, that is PCGrad. State: {@code targets} (N x N, row by row; not symmetric).
 *
 * <p>The public code adds 1e-8 to the divisors, which makes gradients of 1e-6 look orthogonal. A
 * cosine that rounds beyond 1 is cut off there: in LibMTL its root is not a number for ever.
 */
final class GradVac implements Resolver {
  private static final String TARGETS = "targets";

  /** Options of {@code gradvac}. */
  record Options(
      @Param(
              value = "share of a round's cosine in the moving average of the cosines",
              defaultValue = "0.5",
              min = 0,
              max = 1)
          double beta,
      @Param(value = "added to divisors (public code: 1e-8)", defaultValue = "0", min = 0)
          double eps) {}

  private final Options options;
  private final RandomSource draws;

  GradVac(Options options, RandomSource draws) {
    this.options = options;
    this.draws = draws;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY.with(TARGETS, new double[tasks * tasks]);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    int[][] orders = draws.visitingOrders(round);
    double[] targets = state.get(TARGETS);
    double[] weights = new double[n];
    for (int task = 0; task < n; task++) {
      double[] coefficients = DoubleVectors.unit(n, task);
      for (int other : orders[task]) {
        if (other != task) {
          visit(round, coefficients, other, targets, task * n + other);
        }
      }
      for (int k = 0; k < n; k++) {
        weights[k] += coefficients[k];
      }
    }
    return Resolution.of(weights, state.with(TARGETS, targets)).with(TARGETS, targets);
  }

  private void visit(
      RoundStatistics round, double[] coefficients, int other, double[] targets, int at) {
    double norm = Math.sqrt(Math.max(0, Matrices.quadratic(round.gram(), coefficients)));
    double otherNorm = round.norm(other);
    double product = DoubleVectors.dot(round.gram()[other], coefficients);
    double rho = Math.clamp(ratio(product, norm * otherNorm), -1, 1);
    double target = targets[at];
    if (rho < target) {
      double ofRho = Math.sqrt(1 - rho * rho);
      double ofTarget = Math.sqrt(Math.max(0, 1 - target * target));
      coefficients[other] += ratio(norm * (target * ofRho - rho * ofTarget), otherNorm * ofTarget);
    }
    targets[at] = (1 - options.beta()) * target + options.beta() * rho;
  }

  /** A zero gradient has no direction to be turned to. */
  private double ratio(double part, double whole) {
    double divisor = whole + options.eps();
    return divisor > 0 ? part / divisor : 0;
  }
}
