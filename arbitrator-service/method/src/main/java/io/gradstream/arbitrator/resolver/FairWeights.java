package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.Cholesky;
import io.gradstream.arbitrator.linalg.ConvexHull;
import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import org.jspecify.annotations.Nullable;

/**
 * The w > 0 with G w = w^(-1/alpha), the condition of FairGrad and, for alpha = 1, of Nash-MTL.
 *
 * <p>With unit gradients (K the cosines, y_i = n_i w_i) it reads (K y)_i = c_i y_i^(-1/alpha), c_i
 * = n_i^(1/alpha - 1): the stationary point of the strictly convex f(y) = y'Ky/2 - sum c_i y_i^p /
 * p, p = 1 - 1/alpha (a logarithm at p = 0), found by damped Newton steps. There is none if a
 * gradient is zero or if a convex combination of the gradients cancels: then f falls for ever along
 * it.
 */
final class FairWeights {
  private static final double CANCELLED = 1e-14;

  /** Relative residual from which on only rounding may stand in the way. */
  private static final double CONVERGED = 1e-9;

  /** A decrease of f, relative to its terms, that is lost in their rounding. */
  private static final double FLAT = 1e-13;

  private static final int MAX_STEPS = 500;

  private FairWeights() {}

  /** N weights, or null if there is no solution (up to rounding). */
  static double @Nullable [] solve(double[][] gram, double alpha) {
    int n = gram.length;
    double[] norms = new double[n];
    for (int i = 0; i < n; i++) {
      norms[i] = Math.sqrt(gram[i][i]);
      if (!(norms[i] > 0)) {
        return null;
      }
    }
    double[][] cosines = Matrices.cosines(gram);
    double[] hull = ConvexHull.smallestNorm(cosines);
    if (Matrices.quadratic(cosines, hull) <= CANCELLED) {
      return null;
    }
    double power = 1 / alpha;
    // The common factor of the c_i is taken out and given back to w: y = unit z.
    double meanLog = 0;
    for (double norm : norms) {
      meanLog += StrictMath.log(norm) / n;
    }
    double[] c = new double[n];
    for (int i = 0; i < n; i++) {
      c[i] = StrictMath.exp((power - 1) * (StrictMath.log(norms[i]) - meanLog));
    }
    double unit = StrictMath.exp((power - 1) / (power + 1) * meanLog);
    double[] z = newton(cosines, c, power);
    if (z == null) {
      return null;
    }
    double[] weights = new double[n];
    for (int i = 0; i < n; i++) {
      weights[i] = unit * z[i] / norms[i];
    }
    return DoubleVectors.finite(weights) ? weights : null;
  }

  private static double @Nullable [] newton(double[][] cosines, double[] c, double power) {
    int n = c.length;
    double[] z = new double[n];
    for (int i = 0; i < n; i++) {
      z[i] = StrictMath.pow(c[i], 1 / (1 + power)); // the solution for orthogonal gradients
    }
    double least = Double.POSITIVE_INFINITY;
    for (int iteration = 0; iteration < MAX_STEPS; iteration++) {
      // In relative steps z_i (1 + d_i) the Hessian is Z K Z + diag(power c z^(1 - power)).
      double[] slope = new double[n];
      double[][] hessian = new double[n][n];
      double largest = 0;
      for (int i = 0; i < n; i++) {
        double barrier = c[i] * StrictMath.pow(z[i], 1 - power);
        double pull = 0;
        double size = barrier;
        for (int k = 0; k < n; k++) {
          hessian[i][k] = z[i] * cosines[i][k] * z[k];
          pull += hessian[i][k];
          size += Math.abs(hessian[i][k]);
        }
        slope[i] = pull - barrier;
        hessian[i][i] += power * barrier;
        largest = Math.max(largest, Math.abs(slope[i]) / size);
      }
      if (largest <= n * Math.ulp(1.0) || (largest < CONVERGED && largest > 0.5 * least)) {
        return z; // down to rounding, or no step brings it further down
      }
      least = Math.min(least, largest);
      Cholesky factor = Cholesky.factor(hessian, 0);
      if (factor == null) {
        return null;
      }
      double[] direction = factor.solve(DoubleVectors.scaled(slope, -1));
      double decrement = -DoubleVectors.dot(direction, slope);
      double[] next = step(cosines, c, power, z, direction, decrement);
      if (next == null) {
        return largest < CONVERGED ? z : null;
      }
      z = next;
    }
    return null;
  }

  /** The longest step of 1, 1/2, 1/4 ... that stays positive and lowers f enough. */
  private static double @Nullable [] step(
      double[][] cosines,
      double[] c,
      double power,
      double[] z,
      double[] direction,
      double decrement) {
    Height here = height(cosines, c, power, z);
    // Near the end f is flat to rounding and its decrease says nothing: take the Newton step.
    boolean close = decrement <= FLAT * here.size();
    for (double length = 1; length > 1e-12; length /= 2) {
      double[] trial = new double[z.length];
      boolean positive = true;
      for (int i = 0; i < z.length; i++) {
        trial[i] = z[i] * (1 + length * direction[i]);
        positive &= trial[i] > 0;
      }
      if (positive
          && (close
              || height(cosines, c, power, trial).value()
                  <= here.value() - 0.25 * length * decrement)) {
        return trial;
      }
    }
    return null;
  }

  /** A value of f, and the size of its terms: f may be near zero where they are not. */
  private record Height(double value, double size) {}

  private static Height height(double[][] cosines, double[] c, double power, double[] z) {
    double exponent = 1 - power;
    double value = 0;
    double size = 0;
    for (int i = 0; i < z.length; i++) {
      for (int k = 0; k < z.length; k++) {
        double product = z[i] * cosines[i][k] * z[k] / 2;
        value += product;
        size += Math.abs(product);
      }
      double term =
          c[i]
              * (exponent == 0
                  ? StrictMath.log(z[i])
                  : (StrictMath.pow(z[i], exponent) - 1) / exponent);
      value -= term;
      size += Math.abs(term);
    }
    return new Height(value, size);
  }
}
