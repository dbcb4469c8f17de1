package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.NO_SOLUTION;

import io.gradstream.arbitrator.linalg.Cholesky;
import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.arbitrator.linalg.Spectrum;

/**
 * IMTL-G: the update has the same projection on every task's direction (Liu et al. 2021, "Towards
 * impartial multi-task learning", section 3.1; checked against LibMTL's IMTL and TorchJD's IMTLG).
 *
 * <p>Solves G v = n, n the norms, and takes v / sum(v); weights may be negative. The system is
 * solved for unit gradients, which no scale can spoil. Where it is singular (a zero gradient,
 * dependent gradients) the pseudo-inverse takes over, as in TorchJD; where the weights sum to
 * nothing, no such update exists and all weights are 0. Both are reported.
 */
final class ImtlG implements Resolver {
  private static final double SMALLEST_PIVOT = 1e-13;
  private static final double SMALLEST_SUM = 1e-12;

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    return resolve(round.gram(), state);
  }

  static Resolution resolve(double[][] gram, MethodState state) {
    double[] norms = new double[gram.length];
    for (int i = 0; i < norms.length; i++) {
      norms[i] = Math.sqrt(Math.max(0, gram[i][i]));
    }
    Cholesky factor = Cholesky.factor(Matrices.cosines(gram), SMALLEST_PIVOT);
    if (factor != null) {
      double[] weights = factor.solve(DoubleVectors.filled(norms.length, 1));
      for (int i = 0; i < norms.length; i++) {
        weights[i] /= norms[i];
      }
      return Resolution.of(DoubleVectors.scaled(weights, 1 / DoubleVectors.sum(weights)), state);
    }
    double[] weights = Spectrum.of(gram).solve(norms);
    double sum = DoubleVectors.sum(weights);
    double size = 0;
    for (double weight : weights) {
      size += Math.abs(weight);
    }
    if (Math.abs(sum) <= SMALLEST_SUM * size) {
      return Resolution.fallback(
          new double[norms.length],
          NO_SOLUTION,
          "no update has the same projection on all tasks: all weights are 0",
          state);
    }
    return Resolution.fallback(
        DoubleVectors.scaled(weights, 1 / sum),
        NO_SOLUTION,
        "the Gram matrix is singular: its pseudo-inverse is used",
        state);
  }
}
