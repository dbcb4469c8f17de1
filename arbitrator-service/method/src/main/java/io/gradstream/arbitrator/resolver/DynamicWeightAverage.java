package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;

/**
 * DWA: favours tasks whose loss falls slowly, w = N softmax(r / T), r the ratio of two successive
 * mean losses (Liu et al. 2019, arXiv:1803.10704, Eq. 7).
 *
 * <p>In {@code epoch} mode, LibMTL's, r compares the last two full epochs, from epoch 2 on. In
 * {@code window} mode, Nash-MTL's, it compares the halves of a ring of the last 2 W losses, from
 * round W + 1 on, and the weights are divided by N, since that code takes the mean of the weighted
 * losses. A stream has no epochs; {@code rounds-per-epoch} says what counts as one.
 *
 * <p>State: {@code epoch-before}, {@code last-epoch} (N each, mean losses), {@code sums} (N) and
 * {@code rounds} of the running epoch; in window mode {@code ring} (2 W times N, oldest first).
 * Where a mean loss is not positive its ratio counts as 1, and the resolution reports it.
 */
final class DynamicWeightAverage implements Resolver {
  static final String BEFORE_LAST = "epoch-before";
  static final String LAST = "last-epoch";
  private static final String EPOCH = "epoch";
  private static final String SUMS = "sums";
  private static final String ROUNDS = "rounds";
  private static final String RING = "ring";

  /** The losses that are compared. */
  enum Mode {
    EPOCH,
    WINDOW
  }

  /** Options of {@code dwa}. */
  record Options(
      @Param(
              value = "epoch (two last epochs' means) or window (halves of the last 2 W rounds)",
              defaultValue = "epoch")
          Mode mode,
      @Param(
              value = "temperature: higher means more even weights",
              defaultValue = "2.0",
              min = 0,
              exclusiveMin = true)
          double temperature,
      @Param(value = "rounds of an epoch, in epoch mode", defaultValue = "100", min = 1)
          long roundsPerEpoch,
      @Param(
              value = "half the ring's size W in rounds, in window mode",
              defaultValue = "25",
              min = 1,
              max = 10_000)
          int window) {}

  private final Options options;

  DynamicWeightAverage(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    return options.mode() == Mode.WINDOW
        ? MethodState.EMPTY.with(RING, DoubleVectors.filled(2 * options.window() * tasks, 1))
        : MethodState.EMPTY
            .with(BEFORE_LAST)
            .with(LAST)
            .with(EPOCH, 0)
            .with(SUMS, new double[tasks])
            .with(ROUNDS, 0);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    return options.mode() == Mode.WINDOW ? byWindow(round, state) : byEpoch(round, state);
  }

  private Resolution byEpoch(RoundStatistics round, MethodState state) {
    MethodState now = state;
    double epoch = Math.floorDiv(round.round(), options.roundsPerEpoch());
    if (epoch > state.number(EPOCH)) {
      double[] mean = DoubleVectors.scaled(state.get(SUMS), 1 / Math.max(1, state.number(ROUNDS)));
      now =
          state
              .with(BEFORE_LAST, state.get(LAST))
              .with(LAST, mean)
              .with(EPOCH, epoch)
              .with(SUMS, new double[round.tasks()])
              .with(ROUNDS, 0);
    }
    double[] sums = now.get(SUMS);
    for (int i = 0; i < sums.length; i++) {
      sums[i] += round.losses()[i];
    }
    MethodState next = now.with(SUMS, sums).with(ROUNDS, now.number(ROUNDS) + 1);
    double[] before = now.get(BEFORE_LAST);
    if (before.length == 0) {
      return Resolution.of(DoubleVectors.filled(round.tasks(), 1), next);
    }
    return weighed(now.get(LAST), before, round.tasks(), next);
  }

  private Resolution byWindow(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[] ring = state.get(RING);
    System.arraycopy(ring, n, ring, 0, ring.length - n);
    System.arraycopy(round.losses(), 0, ring, ring.length - n, n);
    MethodState next = state.with(RING, ring);
    if (round.round() <= options.window()) {
      return Resolution.of(DoubleVectors.filled(n, 1.0 / n), next);
    }
    double[] older = new double[n];
    double[] newer = new double[n];
    for (int k = 0; k < ring.length / 2; k++) {
      older[k % n] += ring[k];
      newer[k % n] += ring[ring.length / 2 + k];
    }
    return weighed(newer, older, 1, next);
  }

  private Resolution weighed(double[] newer, double[] older, double total, MethodState next) {
    double[] ratios = new double[newer.length];
    double[] heat = new double[newer.length];
    boolean positive = true;
    for (int i = 0; i < ratios.length; i++) {
      boolean usable = older[i] > 0 && newer[i] >= 0;
      ratios[i] = usable ? newer[i] / older[i] : 1;
      heat[i] = ratios[i] / options.temperature();
      positive &= usable;
    }
    double[] weights = DoubleVectors.scaled(DoubleVectors.softmax(heat), total);
    var resolution =
        positive
            ? Resolution.of(weights, next)
            : Resolution.fallback(
                weights, LOSSES, "a mean loss is not positive: its ratio is 1", next);
    return resolution.with("loss-ratios", ratios);
  }
}
