package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.GRADIENTS;
import static io.gradstream.arbitrator.resolver.Fallback.Code.NO_SOLUTION;

import io.gradstream.arbitrator.linalg.ConvexHull;
import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Param;
import java.util.stream.IntStream;

/**
 * FairGrad: the update of greatest alpha-fair utility, which satisfies G w = w^(-1/alpha) (Ban and
 * Ji 2024, arXiv:2402.15638, Eq. 6; checked against the exact solution and LibMTL's FairGrad).
 *
 * <p>A task without a gradient has no utility to raise: it is left out, with weight 0. Where a
 * convex combination of the gradients cancels there is no such update. Then the weights of the
 * hull's smallest norm are used (the update that conflicts with nobody, about zero here). The
 * resolution says so in both cases. The public solver (least squares from 1/N) stops early at small
 * or very different norms.
 */
final class FairGrad implements Resolver {

  /** Options of {@code fairgrad}. */
  record Options(
      @Param(
              value = "fairness: near 0 the sum, 1 proportional (Nash-MTL), large max-min",
              defaultValue = "1.0",
              min = 0.1,
              max = 10)
          double alpha) {}

  private final Options options;

  FairGrad(Options options) {
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
    int[] live = IntStream.range(0, n).filter(i -> gram[i][i] > 0).toArray();
    if (live.length == 0) {
      return Resolution.fallback(
          DoubleVectors.filled(n, 1),
          GRADIENTS,
          "all gradients are zero: the plain sum is used",
          state);
    }
    double[][] ofLive = Matrices.part(gram, live);
    double[] found = FairWeights.solve(ofLive, options.alpha());
    if (found != null && live.length == n) {
      return Resolution.of(found, state);
    }
    double[] weights = new double[n];
    double[] used = found == null ? ConvexHull.smallestNorm(ofLive) : found;
    for (int k = 0; k < live.length; k++) {
      weights[live[k]] = used[k];
    }
    return Resolution.fallback(
        weights,
        found == null ? NO_SOLUTION : GRADIENTS,
        found == null
            ? "gradients cancel: the smallest norm of their hull is used"
            : "a task without a gradient is left out",
        state);
  }
}
