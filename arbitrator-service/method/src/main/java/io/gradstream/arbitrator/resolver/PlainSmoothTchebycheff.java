package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The smooth maximum of the losses themselves, as its paper states it: w = r softmax(r (L - z) /
 * mu) (Lin et al. 2024, arXiv:2402.19078, Eq. 7; checked against TorchJD's STCH). {@code stch} is
 * the form with logarithms over a nadir point that LibMTL uses.
 */
final class PlainSmoothTchebycheff implements Resolver {

  /** Options of {@code stch-plain}. */
  record Options(
      @Param(
              value =
                  "smoothness: a small value follows the worst task only, a large one weighs all tasks alike",
              defaultValue = "1.0",
              min = 0,
              exclusiveMin = true)
          double mu,
      @Param(value = "the preference r, one number per task; all 1/N if absent", min = 0)
          @Nullable List<Double> preference,
      @Param(value = "the ideal losses z; all 0 if absent") @Nullable List<Double> ideal) {}

  private final Options options;

  PlainSmoothTchebycheff(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    OptionChecks.preference(options.preference(), tasks);
    OptionChecks.perTask("ideal", options.ideal(), tasks, 0);
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[] r = OptionChecks.preference(options.preference(), n);
    double[] ideal = OptionChecks.perTask("ideal", options.ideal(), n, 0);
    double[] heat = new double[n];
    for (int i = 0; i < n; i++) {
      heat[i] = r[i] * (round.losses()[i] - ideal[i]) / options.mu();
    }
    double[] weights = DoubleVectors.softmax(heat);
    for (int i = 0; i < n; i++) {
      weights[i] *= r[i];
    }
    return Resolution.of(weights, state);
  }
}
