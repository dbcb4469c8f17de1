package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.ConvexHull;
import io.gradstream.proto.spec.Param;

/**
 * FairGrad: the update of greatest alpha-fair utility, which satisfies G w = w^(-1/alpha) (Ban and
 * Ji 2024, arXiv:2402.15638, Eq. 6; checked against the exact solution and LibMTL's FairGrad).
 *
 * <p>Where a gradient is zero or a convex combination of the gradients cancels there is no such
 * update. Then the weights of the hull's smallest norm are used (the update that conflicts with
 * nobody, about zero here), and the resolution says so. The public solver (least squares from 1/N)
 * stops early at small or very different norms.
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
    double[] weights = FairWeights.solve(round.gram(), options.alpha());
    if (weights != null) {
      return Resolution.of(weights, state);
    }
    return Resolution.fallback(
        ConvexHull.smallestNorm(round.gram()),
        "gradients are zero or cancel: the smallest norm of their hull is used",
        state);
  }
}
