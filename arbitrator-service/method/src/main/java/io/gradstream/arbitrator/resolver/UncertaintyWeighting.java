package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * UW: weights by learned homoscedastic uncertainty, w = exp(-s) / 2 with the log-variance s trained
 * on sum (L exp(-s) + s) / 2 (Kendall et al. 2018, arXiv:1705.07115, Eq. 7; checked against
 * LibMTL's UW, which starts at s = -0.5, and Nash-MTL's, which starts at 0).
 *
 * <p>State: {@code log-variances} (N) with their optimizer's; they step after the weights are
 * taken. Losses that are not positive move nothing, and no weight leaves the bounds of {@link
 * LearnedLogWeights}; both are reported.
 */
final class UncertaintyWeighting implements Resolver {
  private static final String LOG_VARIANCES = "log-variances";

  /** Options of {@code uw}. */
  record Options(
      @Param(value = "log-variances at the start", defaultValue = "-0.5") double initial,
      @Param(value = "optimizer of the log-variances: sgd or adam", defaultValue = "adam")
          ScaleOptimizer.Rule scaleOptimizer,
      @Param(
              value = "step size of the log-variances",
              defaultValue = "0.025",
              min = 0,
              exclusiveMin = true)
          double scaleLearningRate) {}

  private final Options options;
  private final ScaleOptimizer optimizer;

  UncertaintyWeighting(Options options) {
    this.options = options;
    this.optimizer = new ScaleOptimizer(options.scaleOptimizer(), options.scaleLearningRate(), 0);
  }

  @Override
  public MethodState initialState(int tasks) {
    return optimizer.start(LOG_VARIANCES, DoubleVectors.filled(tasks, options.initial()));
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] losses = round.losses();
    double[] logVariances = state.get(LOG_VARIANCES);
    double[] weights = new double[round.tasks()];
    double[] slopes = new double[round.tasks()];
    for (int i = 0; i < weights.length; i++) {
      double precision = StrictMath.exp(-logVariances[i]);
      weights[i] = precision / 2;
      slopes[i] = (1 - losses[i] * precision) / 2;
    }
    slopes = LearnedLogWeights.slopes(losses, slopes);
    MethodState next =
        LearnedLogWeights.bounded(
            optimizer.step(state, LOG_VARIANCES, slopes), LOG_VARIANCES, options.initial());
    @Nullable Fallback report = LearnedLogWeights.report(losses, logVariances, options.initial());
    return new Resolution(weights, List.of(), Map.of(), report, next)
        .with(LOG_VARIANCES, next.get(LOG_VARIANCES))
        .with("log-variance-gradient", slopes);
  }
}
