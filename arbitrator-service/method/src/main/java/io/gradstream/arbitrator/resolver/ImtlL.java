package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * IMTL-L: learned scales e^s that bring all losses to one size, trained on sum (e^s L - s) (Liu et
 * al. 2021, "Towards impartial multi-task learning", section 3.2; checked against TorchJD's IMTLL).
 * At rest w = 1 / L.
 *
 * <p>State: {@code log-scales} (N) with their optimizer's; they step after the weights are taken.
 * Losses that are not positive move nothing, and no weight leaves the bounds of {@link
 * LearnedLogWeights}; both are reported.
 */
final class ImtlL implements Resolver {
  static final String LOG_SCALES = "log-scales";

  /** Options of {@code imtl-l} and {@code imtl}. */
  record Options(
      @Param(value = "logarithms of the scales at the start", defaultValue = "0.0") double initial,
      @Param(value = "optimizer of the logarithms: sgd or adam", defaultValue = "adam")
          ScaleOptimizer.Rule scaleOptimizer,
      @Param(
              value = "step size of the logarithms",
              defaultValue = "0.025",
              min = 0,
              exclusiveMin = true)
          double scaleLearningRate) {}

  private final Options options;
  private final ScaleOptimizer optimizer;

  ImtlL(Options options) {
    this.options = options;
    this.optimizer = new ScaleOptimizer(options.scaleOptimizer(), options.scaleLearningRate(), 0);
  }

  @Override
  public MethodState initialState(int tasks) {
    double[] start = DoubleVectors.filled(tasks, options.initial());
    return optimizer.start(LOG_SCALES, start);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] losses = round.losses();
    double[] logScales = state.get(LOG_SCALES);
    double[] weights = new double[round.tasks()];
    double[] slopes = new double[round.tasks()];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = StrictMath.exp(logScales[i]);
      slopes[i] = weights[i] * losses[i] - 1;
    }
    slopes = LearnedLogWeights.slopes(losses, slopes);
    MethodState next =
        LearnedLogWeights.bounded(
            optimizer.step(state, LOG_SCALES, slopes), LOG_SCALES, options.initial());
    @Nullable Fallback report = LearnedLogWeights.report(losses, logScales, options.initial());
    return new Resolution(weights, List.of(), Map.of(), report, next)
        .with(LOG_SCALES, next.get(LOG_SCALES))
        .with("log-scale-gradient", slopes);
  }
}
