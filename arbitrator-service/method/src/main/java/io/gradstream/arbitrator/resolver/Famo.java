package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * FAMO: lowers all losses at the same relative rate, by weights learned from how the losses changed
 * (Liu et al. 2023, arXiv:2306.03792, algorithm 1; checked against LibMTL's FAMO).
 *
 * <p>z = softmax(logits), D = L - min + 1e-8, w = z / (D sum(z / D)). After the step, with the
 * losses L', the logits go one Adam step against z (delta - z'delta), delta = log D - log D'. The
 * publications measure L' on the same batch with a second pass; in a stream L' are the next round's
 * losses, on another batch, so that no extra pass is needed and the step carries the batches'
 * noise.
 *
 * <p>State: {@code logits} (N) with Adam's, {@code losses-before} (N, or empty where no step is
 * pending). A loss at its minimum, or below, has nothing left to fall, and divided by its gap it
 * would take all the weight from the others: its task has its share z of the softmax, whatever its
 * loss, the others share the rest by their gaps, and the resolution reports it.
 */
public final class Famo implements Resolver {
  public static final String LOGITS = "logits";
  public static final String BEFORE = "losses-before";
  private static final double FLOOR = 1e-8;

  /** Options of {@code famo}. */
  public record Options(
      @Param(
              value = "step size of the logits",
              defaultValue = "0.025",
              min = 0,
              exclusiveMin = true)
          double learningRate,
      @Param(value = "decay of the logits towards equal weights", defaultValue = "0.001", min = 0)
          double weightDecay,
      @Param(value = "the tasks' smallest possible losses; all 0 if absent")
          @Nullable List<Double> minLosses) {}

  private final Options options;
  private final ScaleOptimizer optimizer;

  public Famo(Options options) {
    this.options = options;
    this.optimizer =
        new ScaleOptimizer(ScaleOptimizer.Rule.ADAM, options.learningRate(), options.weightDecay());
  }

  @Override
  public MethodState initialState(int tasks) {
    minima(tasks);
    return optimizer.start(LOGITS, new double[tasks]).with(BEFORE);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] losses = round.losses();
    MethodState now = afterStep(losses, state);
    double[] z = DoubleVectors.softmax(now.get(LOGITS));
    double[] gaps = gaps(losses);
    double sum = 0;
    double unfinished = 0;
    for (int i = 0; i < z.length; i++) {
      if (gaps[i] > FLOOR) {
        sum += z[i] / gaps[i];
        unfinished += z[i];
      }
    }
    boolean all = true;
    double[] weights = new double[z.length];
    for (int i = 0; i < z.length; i++) {
      boolean finished = !(gaps[i] > FLOOR);
      weights[i] = finished ? z[i] : z[i] / (gaps[i] * sum);
      all &= !finished;
    }
    if (!all) {
      for (int i = 0; i < z.length; i++) {
        weights[i] *= gaps[i] > FLOOR ? unfinished : 1;
      }
    }
    MethodState next = now.with(BEFORE, losses);
    var resolution =
        all
            ? Resolution.of(weights, next)
            : Resolution.fallback(
                weights,
                LOSSES,
                "a loss is at or below its minimum (min-losses): its task has its share whatever"
                    + " its loss",
                next);
    return resolution
        .with("softmax", z)
        .with("imbalance", imbalance(z))
        .with(LOGITS, now.get(LOGITS));
  }

  @Override
  public MethodState afterStep(double[] lossesAfterStep, MethodState state) {
    double[] before = state.get(BEFORE);
    if (before.length == 0) {
      return state;
    }
    double[] z = DoubleVectors.softmax(state.get(LOGITS));
    double[] gapsBefore = gaps(before);
    double[] gapsAfter = gaps(lossesAfterStep);
    double[] delta = new double[z.length];
    for (int i = 0; i < z.length; i++) {
      boolean finished = !(gapsBefore[i] > FLOOR && gapsAfter[i] > FLOOR);
      delta[i] = finished ? 0 : StrictMath.log(gapsBefore[i]) - StrictMath.log(gapsAfter[i]);
    }
    double mean = DoubleVectors.dot(z, delta);
    double[] gradient = new double[z.length];
    for (int i = 0; i < z.length; i++) {
      gradient[i] = z[i] * (delta[i] - mean);
    }
    return optimizer.step(state, LOGITS, gradient).with(BEFORE);
  }

  /** The largest weight over the smallest, which is 1 if all weights are equal. */
  public static double imbalance(double[] softmax) {
    double smallest = Double.POSITIVE_INFINITY;
    double largest = 0;
    for (double value : softmax) {
      smallest = Math.min(smallest, value);
      largest = Math.max(largest, value);
    }
    return largest / Math.max(smallest, Double.MIN_NORMAL);
  }

  private double[] gaps(double[] losses) {
    double[] minima = minima(losses.length);
    double[] gaps = new double[losses.length];
    for (int i = 0; i < gaps.length; i++) {
      gaps[i] = Math.max(losses[i] - minima[i], 0) + FLOOR;
    }
    return gaps;
  }

  private double[] minima(int tasks) {
    return OptionChecks.perTask("min-losses", options.minLosses(), tasks, 0);
  }
}
