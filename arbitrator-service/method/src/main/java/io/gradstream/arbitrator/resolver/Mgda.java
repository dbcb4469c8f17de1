package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.GRADIENTS;
import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

import io.gradstream.arbitrator.linalg.ConvexHull;
import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Param;
import java.util.stream.IntStream;

/**
 * MGDA: the point of smallest norm in the convex hull of the gradients, which is zero at a Pareto
 * stationary point and otherwise conflicts with no task (Desideri 2012; Sener and Koltun 2018,
 * arXiv:1810.04650, Eq. 3; checked against LibMTL's MGDA and, for {@code frank-wolfe}, TorchJD's).
 *
 * <p>Gradients may be divided by a norm, a loss or both before. As in LibMTL the simplex weights
 * then apply to the divided gradients. A task without a gradient, or whose divisor is zero, has no
 * direction: it is left out, and the resolution reports it. (In the hull a zero gradient would be
 * the smallest norm, and one finished task, or one of weight 0, would stop all others.)
 */
final class Mgda implements Resolver {

  /** What gradients are divided by before. */
  enum Normalization {
    NONE,
    /** Their own norm. */
    L2,
    /** Their loss. */
    LOSS,
    /** Their loss times their norm. */
    LOSS_PLUS
  }

  /** How the smallest norm is found. */
  enum Solver {
    /** To rounding. */
    EXACT,
    /** By some steps of the Frank-Wolfe method, as TorchJD does: coarse. */
    FRANK_WOLFE
  }

  /** Options of {@code mgda}. */
  record Options(
      @Param(
              value =
                  "what gradients are divided by before: none, l2, loss or loss-plus (loss * l2)",
              defaultValue = "none")
          Normalization normalization,
      @Param(value = "exact, or TorchJD's frank-wolfe", defaultValue = "exact") Solver solver,
      @Param(value = "frank-wolfe ends below this step", defaultValue = "0.001", min = 0)
          double epsilon,
      @Param(value = "most steps of frank-wolfe", defaultValue = "100", min = 1)
          int maxIterations) {}

  private final Options options;

  Mgda(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[] divisors = new double[n];
    for (int i = 0; i < n; i++) {
      divisors[i] = divisor(round, i);
    }
    int[] kept =
        IntStream.range(0, n).filter(i -> divisors[i] > 0 && round.gram()[i][i] > 0).toArray();
    double[] weights = new double[n];
    double[] simplex = new double[n];
    if (kept.length > 0) {
      double[][] gram = new double[kept.length][kept.length];
      for (int i = 0; i < kept.length; i++) {
        for (int j = 0; j < kept.length; j++) {
          gram[i][j] = round.gram()[kept[i]][kept[j]] / divisors[kept[i]] / divisors[kept[j]];
        }
      }
      double[] found =
          options.solver() == Solver.EXACT ? ConvexHull.smallestNorm(gram) : frankWolfe(gram);
      for (int i = 0; i < kept.length; i++) {
        simplex[kept[i]] = found[i];
        weights[kept[i]] = found[i] / divisors[kept[i]];
      }
    }
    var resolution =
        kept.length == n
            ? Resolution.of(weights, state)
            : Resolution.fallback(
                weights,
                IntStream.range(0, n).allMatch(i -> round.gram()[i][i] > 0) ? LOSSES : GRADIENTS,
                "a task without a gradient, or of a loss that is divided by and not positive, is left out",
                state);
    return resolution.with("simplex-weights", simplex);
  }

  private double divisor(RoundStatistics round, int task) {
    return switch (options.normalization()) {
      case NONE -> 1;
      case L2 -> round.norm(task);
      case LOSS -> round.losses()[task];
      case LOSS_PLUS -> round.losses()[task] * round.norm(task);
    };
  }

  private double[] frankWolfe(double[][] gram) {
    int n = gram.length;
    double[] x = DoubleVectors.filled(n, 1.0 / n);
    for (int iteration = 0; iteration < options.maxIterations(); iteration++) {
      double[] slopes = Matrices.times(gram, x);
      int target = 0;
      for (int i = 1; i < n; i++) {
        if (slopes[i] < slopes[target]) {
          target = i;
        }
      }
      double mixed = slopes[target];
      double own = DoubleVectors.dot(x, slopes);
      double goal = gram[target][target];
      double step;
      if (goal <= mixed) {
        step = 1;
      } else if (own <= mixed) {
        step = 0;
      } else {
        step = (own - mixed) / (own + goal - 2 * mixed);
      }
      for (int i = 0; i < n; i++) {
        x[i] *= 1 - step;
      }
      x[target] += step;
      if (step < options.epsilon()) {
        break;
      }
    }
    return x;
  }
}
