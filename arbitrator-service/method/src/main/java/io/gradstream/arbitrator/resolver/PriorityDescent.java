package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.GRADIENTS;
import static io.gradstream.arbitrator.resolver.Fallback.Code.NO_SOLUTION;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.arbitrator.linalg.NonNegativeQuadratic;
import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.List;
import java.util.stream.IntStream;

/**
 * PCD, priority-constrained descent: the direction nearest to the primary task's gradient along
 * which every other task still descends (Varam and AlHajri 2026, arXiv:2606.29521; checked against
 * the exact solution and TorchJD's PCD).
 *
 * <p>Gradients are divided by the root of a moving average of their squared norm, s; then d is the
 * point nearest to g_1 with g_j.d >= tau_j |g_j|^2 for the others, and the update has d's direction
 * and the primary gradient's length. Its dual is over mu >= 0: mu'Gmu / 2 - b'mu, b_j = tau_j G_jj
 * - G_j1, and w = (1, mu) s |g_1| / |d|.
 *
 * <p>Not symmetric: the spec names the primary task. Without a primary gradient the update is 0;
 * where no direction meets all conditions they are dropped and the update is the primary's
 * gradient. Both are reported. With tau above 0 and a secondary opposite to the primary the nearest
 * direction leads uphill for the primary. State: {@code squared-norms} (N), {@code rounds}.
 */
final class PriorityDescent implements Resolver {
  private static final String SQUARED = "squared-norms";
  private static final String ROUNDS = "rounds";

  /** Residual of a condition, relative to its terms, above which there is no solution. */
  private static final double VIOLATED = 1e-9;

  private static final double CANCELLED = 1e-14;

  /** Options of {@code pcd}. */
  record Options(
      @Param(
              value = "the primary task, by its position in the spec, from 0",
              defaultValue = "0",
              min = 0)
          int primary,
      @Param(
              value =
                  "descent of the other tasks, relative to their own gradient: one number, or one"
                      + " for each other task in the spec's order",
              defaultValue = "[0.02]",
              min = 0)
          List<Double> tau,
      @Param(
              value = "decay of the squared norms' moving averages",
              defaultValue = "0.999",
              min = 0,
              max = 1,
              exclusiveMax = true)
          double beta,
      @Param(value = "added to the squared norms", defaultValue = "1e-8", min = 0) double eps) {}

  private final Options options;

  PriorityDescent(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    if (options.primary() >= tasks) {
      throw new SpecError(
          "primary", "%d is no task; there are %d, from 0".formatted(options.primary(), tasks));
    }
    if (options.tau().size() != 1 && options.tau().size() != tasks - 1) {
      throw new SpecError(
          "tau",
          "has %d numbers; give one, or one for each of the %d other tasks"
              .formatted(options.tau().size(), tasks - 1));
    }
    return MethodState.EMPTY.with(SQUARED, new double[tasks]).with(ROUNDS, 0);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[][] gram = round.gram();
    double rounds = state.number(ROUNDS) + 1;
    double[] averages = state.get(SQUARED);
    double[] scales = new double[n];
    double correction = 1 - StrictMath.pow(options.beta(), rounds);
    for (int i = 0; i < n; i++) {
      averages[i] = options.beta() * averages[i] + (1 - options.beta()) * gram[i][i];
      double divisor = averages[i] / correction + options.eps();
      scales[i] = divisor > 0 ? 1 / Math.sqrt(divisor) : 0;
    }
    MethodState next = state.with(SQUARED, averages).with(ROUNDS, rounds);
    int primary = options.primary();
    if (!(gram[primary][primary] > 0)) {
      return Resolution.fallback(
          new double[n], GRADIENTS, "the primary task has no gradient: the update is 0", next);
    }
    double[][] scaled = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        scaled[i][j] = scales[i] * scales[j] * gram[i][j];
      }
    }
    int[] others = IntStream.range(0, n).filter(i -> i != primary).toArray();
    double[] mu = duals(scaled, others);
    if (mu.length < others.length) {
      return Resolution.fallback(
          DoubleVectors.unit(n, primary),
          NO_SOLUTION,
          "no direction lets all other tasks descend: the primary task's gradient is used",
          next);
    }
    double[] direction = new double[n];
    direction[primary] = 1;
    for (int k = 0; k < others.length; k++) {
      direction[others[k]] = mu[k];
    }
    double squared = Matrices.quadratic(scaled, direction);
    double size = 0;
    for (int i = 0; i < n; i++) {
      size += direction[i] * direction[i] * scaled[i][i];
    }
    if (squared <= CANCELLED * size) {
      return Resolution.fallback(
          new double[n], NO_SOLUTION, "the conditions leave no direction: the update is 0", next);
    }
    double length = round.norm(primary) / Math.sqrt(squared);
    double[] weights = new double[n];
    for (int i = 0; i < n; i++) {
      weights[i] = direction[i] * scales[i] * length;
    }
    return Resolution.of(weights, next);
  }

  /** The multipliers of the other tasks' conditions; shorter if they cannot all be met. */
  private double[] duals(double[][] scaled, int[] others) {
    int m = others.length;
    // Unit gradients make the diagonal 1, whatever the averages say of this round.
    double[] norms = new double[m];
    double[][] q = new double[m][m];
    double[] b = new double[m];
    for (int k = 0; k < m; k++) {
      norms[k] = Math.sqrt(scaled[others[k]][others[k]]);
    }
    for (int k = 0; k < m; k++) {
      if (!(norms[k] > 0)) {
        q[k][k] = 1;
        continue;
      }
      double tau = options.tau().size() == 1 ? options.tau().getFirst() : options.tau().get(k);
      b[k] = tau * norms[k] - scaled[others[k]][options.primary()] / norms[k];
      for (int j = 0; j < m; j++) {
        q[k][j] = norms[j] > 0 ? scaled[others[k]][others[j]] / norms[k] / norms[j] : 0;
      }
    }
    double[] mu = NonNegativeQuadratic.minimise(q, b);
    for (int k = 0; k < m; k++) {
      double left = b[k];
      double size = Math.abs(b[k]);
      for (int j = 0; j < m; j++) {
        left -= q[k][j] * mu[j];
        size += Math.abs(q[k][j] * mu[j]);
      }
      if (left > VIOLATED * size) {
        return new double[0];
      }
    }
    for (int k = 0; k < m; k++) {
      mu[k] = norms[k] > 0 ? mu[k] / norms[k] : 0;
    }
    return mu;
  }
}
