package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.GRADIENTS;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Spectrum;
import io.gradstream.proto.spec.Param;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Aligned-MTL: gradients are replaced by the nearest ones whose system has condition number 1
 * (Senushkin et al. 2023, arXiv:2305.19000, section 4; checked against LibMTL's Aligned_MTL and
 * TorchJD's AlignedMTL).
 *
 * <p>With G = V diag(l) V' without the zero eigenvalues, the weights are sqrt(s) V diag(l^-1/2) V'
 * p, s a scale taken from the kept eigenvalues. Dependent gradients simply lower the rank.
 */
final class AlignedMtl implements Resolver {

  /** Which of the kept eigenvalues gives the scale. */
  enum Scale {
    MIN,
    /** The lower one of two middle ones. */
    MEDIAN,
    /** Their mean: the root mean square of the singular values. */
    RMSE
  }

  /** Options of {@code aligned-mtl}. */
  record Options(
      @Param(value = "scale of the aligned gradients: min, median or rmse", defaultValue = "min")
          Scale scale,
      @Param(value = "the tasks' weights; all 1 if absent, as in LibMTL", min = 0)
          @Nullable List<Double> preference) {}

  private final Options options;

  AlignedMtl(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    OptionChecks.perTask("preference", options.preference(), tasks, 1);
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[] preference = OptionChecks.perTask("preference", options.preference(), n, 1);
    Spectrum spectrum = Spectrum.of(round.gram());
    if (spectrum.rank() == 0) {
      return Resolution.fallback(
          preference, GRADIENTS, "all gradients are zero: the preference is the weights", state);
    }
    double scale = Math.sqrt(scale(spectrum.values()));
    double[] weights = new double[n];
    for (int k = 0; k < spectrum.rank(); k++) {
      double[] vector = spectrum.vector(k);
      double along = scale * DoubleVectors.dot(vector, preference) / Math.sqrt(spectrum.value(k));
      for (int i = 0; i < n; i++) {
        weights[i] += along * vector[i];
      }
    }
    return Resolution.of(weights, state).with("rank", spectrum.rank());
  }

  private double scale(double[] values) {
    Arrays.sort(values);
    return switch (options.scale()) {
      case MIN -> values[0];
      case MEDIAN -> values[(values.length - 1) / 2];
      case RMSE -> DoubleVectors.mean(values);
    };
  }
}
