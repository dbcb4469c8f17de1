package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.BOUNDED;
import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

import org.jspecify.annotations.Nullable;

/**
 * Logarithms of weights that a method learns from the losses, kept within bounds.
 *
 * <p>A loss that is not positive has no best weight: it drives the logarithm on for ever, and the
 * weight to infinity. So it moves nothing, and the resolution reports it. All others end at most at
 * the bound, e^10 times or a 22,000th of the start, also where one enormous loss makes one enormous
 * step.
 */
final class LearnedLogWeights {
  static final double BOUND = 10;

  private LearnedLogWeights() {}

  /** The slopes of the losses that are positive; 0 for the others. */
  static double[] slopes(double[] losses, double[] slopes) {
    double[] kept = slopes.clone();
    for (int i = 0; i < kept.length; i++) {
      if (!(losses[i] > 0)) {
        kept[i] = 0;
      }
    }
    return kept;
  }

  /** The state with the named numbers no further than the bound from where they started. */
  static MethodState bounded(MethodState state, String name, double start) {
    double[] logs = state.get(name);
    for (int i = 0; i < logs.length; i++) {
      logs[i] = Math.clamp(logs[i], start - BOUND, start + BOUND);
    }
    return state.with(name, logs);
  }

  /** What a resolution reports of a round, or null. */
  static @Nullable Fallback report(double[] losses, double[] logs, double start) {
    for (double loss : losses) {
      if (!(loss > 0)) {
        return new Fallback(LOSSES, "a loss is not positive: its task keeps its weight");
      }
    }
    for (double log : logs) {
      if (Math.abs(log - start) >= BOUND) {
        return new Fallback(
            BOUNDED,
            "a learned weight is at its bound, e^10 times its start or as small a part of it");
      }
    }
    return null;
  }
}
