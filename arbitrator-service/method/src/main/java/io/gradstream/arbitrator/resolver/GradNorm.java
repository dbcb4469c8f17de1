package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.BOUNDED;
import static io.gradstream.arbitrator.resolver.Fallback.Code.GRADIENTS;
import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.Arrays;

/**
 * GradNorm: learns weights under which the tasks' gradient norms are alike, larger for those that
 * have learned less (Chen et al. 2018, arXiv:1711.02257, Eq. 1 and 2; checked against LibMTL's
 * GradNorm).
 *
 * <p>Learned are numbers s. In LibMTL, and by default, the weights are N softmax(s). In the paper
 * (option {@code weights: renormalised}) they are s itself, which starts at 1, takes the step and
 * is divided so that the sum is N (algorithm 1). A step may take such a weight below zero, of which
 * the paper does not speak: it stays at a thousandth, and the resolution reports it. The paper
 * looks at the gradients of the last shared layer alone; here they are those of all shared
 * parameters.
 *
 * <p>In epoch 0 all weights are 1 and the mean losses become the initial ones. State: {@code
 * scales} s (N) with their optimizer's, {@code loss-sums} (N) and {@code loss-rounds} of epoch 0.
 * Where losses are not positive, ratios to them mean nothing: then all tasks count as trained
 * alike, and the resolution reports it.
 *
 * <p>A task without a gradient has no norm to balance; the public code goes on raising its weight
 * at the others' cost. Here it keeps its scale, the others are balanced among themselves, and the
 * resolution reports it.
 */
final class GradNorm implements Resolver {
  static final String SUMS = "loss-sums";
  static final String ROUNDS = "loss-rounds";
  private static final String SCALES = "scales";

  /** Options of {@code gradnorm}. */
  record Options(
      @Param(
              value = "how strongly tasks that have learned less are favoured",
              defaultValue = "1.5",
              min = 0)
          double alpha,
      @Param(value = "optimizer of the weights: sgd or adam", defaultValue = "adam")
          ScaleOptimizer.Rule scaleOptimizer,
      @Param(
              value = "step size of the weights",
              defaultValue = "0.025",
              min = 0,
              exclusiveMin = true)
          double scaleLearningRate,
      @Param(
              value = "rounds of an epoch; the first epoch's losses are the initial ones",
              defaultValue = "1",
              min = 1)
          long roundsPerEpoch,
      @Param(
              value = "a task without a gradient keeps its scale, or moves it (public code)",
              defaultValue = "keeps")
          ZeroGradient zeroGradient,
      @Param(
              value =
                  "softmax: N softmax of the learned numbers (LibMTL); renormalised: the paper's",
              defaultValue = "softmax")
          Weights weights) {}

  /** How the weights follow from the learned numbers. */
  enum Weights {
    SOFTMAX,
    RENORMALISED
  }

  /** How the scale of a task without a gradient changes. */
  enum ZeroGradient {
    KEEPS,
    MOVES
  }

  /** The smallest learned weight: below 0 a task's loss would be raised. */
  private static final double SMALLEST = 1e-3;

  private final Options options;
  private final ScaleOptimizer optimizer;

  GradNorm(Options options) {
    this.options = options;
    this.optimizer = new ScaleOptimizer(options.scaleOptimizer(), options.scaleLearningRate(), 0);
  }

  @Override
  public MethodState initialState(int tasks) {
    return optimizer
        .start(SCALES, DoubleVectors.filled(tasks, 1))
        .with(SUMS, new double[tasks])
        .with(ROUNDS, 0);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    if (round.round() < options.roundsPerEpoch()) {
      double[] sums = state.get(SUMS);
      for (int i = 0; i < n; i++) {
        sums[i] += round.losses()[i];
      }
      return Resolution.of(
              DoubleVectors.filled(n, 1),
              state.with(SUMS, sums).with(ROUNDS, state.number(ROUNDS) + 1))
          .with(SCALES, state.get(SCALES));
    }
    boolean renormalised = options.weights() == Weights.RENORMALISED;
    double[] scales = state.get(SCALES);
    double[] softmax =
        renormalised ? DoubleVectors.scaled(scales, 1.0 / n) : DoubleVectors.softmax(scales);
    double[] weights = DoubleVectors.scaled(softmax, n);
    double[] norms = round.norms();
    double[] initial = DoubleVectors.scaled(state.get(SUMS), 1 / state.number(ROUNDS));
    double[] rates = relativeRates(round.losses(), initial);
    boolean[] balanced = new boolean[n];
    double share = 0;
    int count = 0;
    for (int i = 0; i < n; i++) {
      balanced[i] = norms[i] > 0 || options.zeroGradient() == ZeroGradient.MOVES;
      share += balanced[i] ? softmax[i] : 0;
      count += balanced[i] ? 1 : 0;
    }
    double meanNorm = count == 0 ? 0 : DoubleVectors.dot(weights, norms) / count;

    double[] byWeight = new double[n];
    double mixed = 0;
    for (int i = 0; i < n; i++) {
      double goal = meanNorm * StrictMath.pow(rates[i], options.alpha());
      byWeight[i] = Math.signum(weights[i] * norms[i] - goal) * norms[i];
      mixed += balanced[i] ? byWeight[i] * softmax[i] : 0;
    }
    // With all tasks balanced their shares add up to 1, but for rounding.
    mixed = count == n || share == 0 ? mixed : mixed / share;
    double[] gradient = new double[n];
    for (int i = 0; i < n; i++) {
      double slope = renormalised ? byWeight[i] : weights[i] * (byWeight[i] - mixed);
      gradient[i] = balanced[i] ? slope : 0;
    }
    MethodState next = optimizer.step(state, SCALES, gradient);
    boolean bounded = false;
    if (renormalised) {
      double[] stepped = next.get(SCALES);
      bounded = Arrays.stream(stepped).anyMatch(scale -> scale < SMALLEST);
      next = next.with(SCALES, renormalised(stepped, balanced));
    }
    boolean usable = usable(round.losses()) && usable(initial);
    Resolution resolution = Resolution.of(weights, next);
    if (!usable) {
      resolution =
          Resolution.fallback(
              weights, LOSSES, "a loss is not positive: all tasks count as trained alike", next);
    } else if (count < n) {
      resolution =
          Resolution.fallback(
              weights, GRADIENTS, "a task without a gradient keeps its scale", next);
    } else if (bounded) {
      resolution =
          Resolution.fallback(
              weights, BOUNDED, "a learned weight is at its bound, a thousandth", next);
    }
    return resolution
        .with(SCALES, next.get(SCALES))
        .with("scale-gradient", gradient)
        .with("training-rates", rates);
  }

  /** The balanced weights, none below the smallest, divided so that all add up to N. */
  private static double[] renormalised(double[] weights, boolean[] balanced) {
    double[] divided = weights.clone();
    double sum = 0;
    double goal = weights.length;
    for (int i = 0; i < weights.length; i++) {
      if (balanced[i]) {
        divided[i] = Math.max(weights[i], SMALLEST);
        sum += divided[i];
      } else {
        goal -= weights[i];
      }
    }
    for (int i = 0; i < weights.length; i++) {
      divided[i] *= balanced[i] ? goal / sum : 1;
    }
    return divided;
  }

  /** Loss over initial loss, over the mean of that. */
  private static double[] relativeRates(double[] losses, double[] initial) {
    double[] rates = DoubleVectors.filled(losses.length, 1);
    if (!usable(losses) || !usable(initial)) {
      return rates;
    }
    for (int i = 0; i < rates.length; i++) {
      rates[i] = losses[i] / initial[i];
    }
    return DoubleVectors.scaled(rates, 1 / DoubleVectors.mean(rates));
  }

  private static boolean usable(double[] losses) {
    for (double loss : losses) {
      if (!(loss > 0)) {
        return false;
      }
    }
    return true;
  }
}
