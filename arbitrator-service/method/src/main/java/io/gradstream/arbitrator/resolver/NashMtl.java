package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.NO_SOLUTION;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Param;

/**
 * Nash-MTL: the Nash bargaining solution, G alpha = 1 / alpha, solved once every {@code
 * update-weights-every} rounds (Navon et al. 2022, arXiv:2202.01017, section 3; checked against the
 * exact solution and LibMTL's and the authors' code).
 *
 * <p>State: {@code alpha} (N, from 1) and {@code rounds}. Where there is no solution (a zero
 * gradient, exact cancellation) the previous alpha is kept, as in the public code, and the
 * resolution reports it.
 */
final class NashMtl implements Resolver {
  private static final String ALPHA = "alpha";
  private static final String ROUNDS = "rounds";

  /** Options of {@code nash-mtl}. */
  record Options(
      @Param(value = "rounds between two solutions", defaultValue = "1", min = 1)
          int updateWeightsEvery,
      @Param(value = "largest norm of the update; 0 = any", defaultValue = "1.0", min = 0)
          double maxNorm) {}

  private final Options options;

  NashMtl(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY.with(ALPHA, DoubleVectors.filled(tasks, 1)).with(ROUNDS, 0);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] alpha = state.get(ALPHA);
    double rounds = state.number(ROUNDS);
    boolean kept = false;
    if (rounds % options.updateWeightsEvery() == 0) {
      double[] solved = FairWeights.solve(round.gram(), 1);
      if (solved == null) {
        kept = true;
      } else {
        alpha = solved;
      }
    }
    MethodState next = state.with(ALPHA, alpha).with(ROUNDS, rounds + 1);
    double[] weights = clipped(alpha, round.gram());
    var resolution =
        kept
            ? Resolution.fallback(
                weights,
                NO_SOLUTION,
                "gradients are zero or cancel: the previous weights are kept",
                next)
            : Resolution.of(weights, next);
    return resolution.with(ALPHA, alpha);
  }

  private double[] clipped(double[] alpha, double[][] gram) {
    if (options.maxNorm() == 0) {
      return alpha;
    }
    double norm = Math.sqrt(Math.max(0, Matrices.quadratic(gram, alpha)));
    return DoubleVectors.scaled(alpha, Math.min(1, options.maxNorm() / (norm + 1e-6)));
  }
}
