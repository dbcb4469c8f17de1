package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.NO_SOLUTION;

import io.gradstream.arbitrator.linalg.ConvexHull;
import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Param;
import org.hipparchus.analysis.solvers.BrentSolver;

/**
 * CAGrad: the update that helps the worst-off task most within a ball around the mean gradient g_0
 * (Liu et al. 2021, arXiv:2110.14048, Eq. 3 and 4; checked against LibMTL's CAGrad).
 *
 * <p>With G the Gram matrix, 1 the vector of ones and r the ball's radius, the dual problem is to
 * minimise x'G 1/N + r sqrt(x'Gx + 1e-8) over the simplex of the task weights x. The update is then
 * g_0 + r g_x / |g_x| with the weighted gradient g_x = sum_i x_i g_i. If the square root is
 * replaced by a fixed number s, the problem becomes quadratic, and its solution x(s) is the point
 * of smallest norm in the convex hull of the shifted gradients g_i + (s/r) g_0 ({@link
 * ConvexHull}). The s for which s equals the square root at x(s) is the only zero of a decreasing
 * function, and {@link BrentSolver} finds it within a bracket. So the answer is exact where the
 * public solver (SLSQP) stops early.
 *
 * <p>If g_x is zero up to rounding, the gradients are Pareto-stationary, and g_x / |g_x| would be
 * rounding noise that the radius r scales up. The mean gradient is then used without a correction,
 * and the resolution reports it. (A task whose gradient is zero may get a very large factor in the
 * correction, which has no effect, since it multiplies zero.)
 */
final class CaGrad implements Resolver {
  private static final double FLOOR = 1e-8;

  /** |g_x|^2 below this fraction of sum_i |x_i g_i|^2 is rounding error and counts as zero. */
  private static final double CANCELLED = 1e-14;

  /** The divisor of the update, which keeps its size from growing with c. */
  enum Rescale {
    /** By nothing. */
    NONE,
    /** By 1 + c^2, the paper's theory. */
    SQUARED,
    /** By 1 + c. */
    LINEAR
  }

  /** Options of {@code cagrad}. */
  record Options(
      @Param(
              value = "radius of the ball as a fraction of the mean gradient's norm",
              defaultValue = "0.5",
              min = 0)
          double c,
      @Param(
              value = "what the update is divided by: none, squared (1 + c^2) or linear (1 + c)",
              defaultValue = "squared")
          Rescale rescale) {}

  private final Options options;

  CaGrad(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[][] gram = round.gram();
    double[] mean = Matrices.times(gram, DoubleVectors.filled(n, 1.0 / n));
    double meanSquared = Math.max(0, DoubleVectors.mean(mean));
    double radius = options.c() * Math.sqrt(meanSquared + FLOOR) + FLOOR;
    double[] x = options.c() == 0 ? new double[n] : worstCase(gram, mean, meanSquared, radius);
    double squared = Math.max(0, Matrices.quadratic(gram, x));
    double size = 0;
    for (int i = 0; i < n; i++) {
      size += x[i] * x[i] * gram[i][i];
    }
    if (size > 0 && squared <= CANCELLED * size) {
      return Resolution.fallback(
              DoubleVectors.filled(n, 1.0 / n / scale()),
              NO_SOLUTION,
              "the weighted gradients cancel (Pareto-stationary), so the mean gradient is used without"
                  + " correction",
              state)
          .with("simplex-weights", x);
    }
    double norm = Math.sqrt(squared);
    double factor = radius / (norm + FLOOR);
    double[] weights = new double[n];
    for (int i = 0; i < n; i++) {
      weights[i] = (1.0 / n + factor * x[i]) / scale();
    }
    return Resolution.of(weights, state).with("simplex-weights", x);
  }

  private double scale() {
    double c = options.c();
    return switch (options.rescale()) {
      case NONE -> 1;
      case SQUARED -> 1 + c * c;
      case LINEAR -> 1 + c;
    };
  }

  private static double[] worstCase(
      double[][] gram, double[] mean, double meanSquared, double radius) {
    double largest = 0;
    for (int i = 0; i < gram.length; i++) {
      largest = Math.max(largest, gram[i][i]);
    }
    // In logarithms, so that a root near zero is found as exactly as a large one.
    double low = 0.5 * StrictMath.log(FLOOR) - 1;
    double high = 0.5 * StrictMath.log(largest + FLOOR) + 1;
    double found =
        new BrentSolver(1e-15, 1e-15)
            .solve(
                500,
                logS -> {
                  double s = StrictMath.exp(logS);
                  double[] x = shifted(gram, mean, meanSquared, s / radius);
                  double squared = Math.max(0, Matrices.quadratic(gram, x)) + FLOOR;
                  return 0.5 * StrictMath.log(squared) - logS;
                },
                low,
                high);
    return shifted(gram, mean, meanSquared, StrictMath.exp(found) / radius);
  }

  /** The smallest norm in the hull of g_i + shift * g_0. */
  private static double[] shifted(
      double[][] gram, double[] mean, double meanSquared, double shift) {
    int n = gram.length;
    double[][] shifted = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        shifted[i][j] = gram[i][j] + shift * (mean[i] + mean[j]) + shift * shift * meanSquared;
      }
    }
    return ConvexHull.smallestNorm(shifted);
  }
}
