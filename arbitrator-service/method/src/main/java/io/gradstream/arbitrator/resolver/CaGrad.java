package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.ConvexHull;
import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Param;
import org.hipparchus.analysis.solvers.BrentSolver;

/**
 * CAGrad: the update that helps the worst-off task most within a ball around the mean gradient g_0
 * (Liu et al. 2021, arXiv:2110.14048, Eq. 3 and 4; checked against LibMTL's CAGrad).
 *
 * <p>The dual is: over x of the simplex minimise x'G 1/N + r sqrt(x'Gx + 1e-8), r the ball's
 * radius; then the update is g_0 + r g_x / |g_x|. For a fixed s in place of the root that is a
 * quadratic problem whose solution x(s) is the smallest norm in the hull of the shifted gradients
 * g_i + (s/r) g_0 ({@link ConvexHull}); the s that equals its own root is the only zero of a
 * falling function and is bracketed. So the answer is exact where the public solver (SLSQP) stops
 * early.
 *
 * <p>Where g_x cancels, the gradients are at a Pareto stationary point, and the correction would be
 * noise as long as the ball's radius. Then the mean gradient is used without a correction, and the
 * resolution says so. (A task without a gradient gets an enormous weight in g_x, which multiplies
 * zero.)
 */
final class CaGrad implements Resolver {
  private static final double FLOOR = 1e-8;

  /** A square this small beside those that it is made of is lost in their rounding. */
  private static final double CANCELLED = 1e-14;

  /** What the update is divided by, so that its size does not grow with c. */
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
              "the worst case cancels, so there is no correction: the mean gradient is used",
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
