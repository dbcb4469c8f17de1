package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.NO_SOLUTION;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.arbitrator.linalg.Spectrum;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * ConFIG: the direction with the same cosine to every task's gradient, as long as the gradients'
 * projections on it together (Liu, Chu, Thuerey 2025, arXiv:2408.11104, Eq. 3 and 4; checked
 * against TorchJD's ConFIG).
 *
 * <p>With the cosines R, c = R^+ p, |x| = sqrt(c'Rc), w_i = l c_i / (n_i |x|), l = sum n_i (R c)_i
 * / |x|. Dependent gradients lower the rank; a zero gradient has weight 0, as in the public code.
 */
final class ConFig implements Resolver {
  private static final double SMALLEST = 1e-12;

  /** Options of {@code config}. */
  record Options(
      @Param(value = "the tasks' shares in the direction; all 1 if absent", min = 0)
          @Nullable List<Double> preference) {}

  private final Options options;

  ConFig(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    preference(tasks);
    return MethodState.EMPTY;
  }

  private double[] preference(int tasks) {
    return OptionChecks.perTask("preference", options.preference(), tasks, 1);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[][] cosines = Matrices.cosines(round.gram());
    double[] c = Spectrum.of(cosines).solve(preference(n));
    double[] projections = Matrices.times(cosines, c);
    double length = Math.sqrt(Math.max(0, DoubleVectors.dot(c, projections)));
    double[] weights = new double[n];
    if (length <= SMALLEST) {
      return Resolution.fallback(
          weights,
          NO_SOLUTION,
          "no direction has the same cosine to all gradients: all weights are 0",
          state);
    }
    double along = 0;
    for (int i = 0; i < n; i++) {
      along += round.norm(i) * projections[i] / length;
    }
    for (int i = 0; i < n; i++) {
      weights[i] = round.norm(i) > 0 ? along * c[i] / (round.norm(i) * length) : 0;
    }
    return Resolution.of(weights, state);
  }
}
