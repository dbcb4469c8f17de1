package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * COSMOS: the weighted sum of the losses less lambda times the cosine between losses and
 * preference, which steers to the point of the front that the preference names (Ruchte and Grabocka
 * 2021, arXiv:2103.13392, Eq. 3; checked against TorchJD's COSMOS). Here for one fixed preference
 * r.
 *
 * <p>w = r - lambda (r / (|r| |L|) - cos L / |L|^2). Weights may be negative. Where all losses are
 * 0 there is no angle: w = r, and the resolution reports it.
 */
final class Cosmos implements Resolver {

  /** Options of {@code cosmos}. */
  record Options(
      @Param(value = "the preference r, one number per task; all 1/N if absent", min = 0)
          @Nullable List<Double> preference,
      @Param(
              value = "lambda: how much the direction counts; its unit is that of a loss",
              defaultValue = "1.0",
              min = 0)
          double penalty) {}

  private final Options options;

  Cosmos(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    OptionChecks.preference(options.preference(), tasks);
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] losses = round.losses();
    double[] r = OptionChecks.preference(options.preference(), losses.length);
    double size = Math.sqrt(DoubleVectors.dot(losses, losses));
    double length = Math.sqrt(DoubleVectors.dot(r, r));
    if (!(size > 0)) {
      return Resolution.fallback(
          r, LOSSES, "all losses are 0: the preference is the weights", state);
    }
    double cosine = DoubleVectors.dot(r, losses) / (length * size);
    double[] weights = new double[losses.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] =
          r[i] - options.penalty() * (r[i] / (length * size) - cosine * (losses[i] / size) / size);
    }
    return Resolution.of(weights, state);
  }
}
