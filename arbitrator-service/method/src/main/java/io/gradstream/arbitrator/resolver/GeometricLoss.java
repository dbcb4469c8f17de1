package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

/**
 * GLS: the gradient of the losses' geometric mean M, w = M / (N L) (Chennupati et al. 2019,
 * "MultiNet++", arXiv:1904.08492, Eq. 3; checked against LibMTL's GLS and TorchJD's).
 *
 * <p>The mean is taken of logarithms, since a product of many small losses underflows. A loss that
 * is not positive has none: it is left out of the mean, its weight is 1 / N, and the resolution
 * reports it.
 */
final class GeometricLoss implements Resolver {

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double logs = 0;
    int positive = 0;
    for (double loss : round.losses()) {
      if (loss > 0) {
        logs += StrictMath.log(loss);
        positive++;
      }
    }
    double mean = positive == 0 ? 1 : StrictMath.exp(logs / positive);
    double[] weights = new double[n];
    for (int i = 0; i < n; i++) {
      double loss = round.losses()[i];
      weights[i] = loss > 0 ? mean / (n * loss) : 1.0 / n;
    }
    return positive == n
        ? Resolution.of(weights, state)
        : Resolution.fallback(
            weights, LOSSES, "a loss is not positive: its weight is 1 / N", state);
  }
}
