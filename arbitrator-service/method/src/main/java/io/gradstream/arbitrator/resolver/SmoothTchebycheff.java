package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;

/**
 * STCH: the smooth maximum of the losses' logarithms over a nadir point (Lin et al. 2024,
 * arXiv:2402.19078, Eq. 9; checked against LibMTL's STCH).
 *
 * <p>With L the tasks' losses, the weights are w = 1 / L up to the end of the warm-up's last epoch,
 * and the mean losses of that epoch become the nadir. After it, y = log(L / nadir) and w = N
 * softmax(y / mu) / L. The state holds {@code sums}, the N sums of the losses of the warm-up's last
 * epoch, and {@code rounds}, how many rounds they cover. A loss that is not positive has no
 * logarithm, so it counts as very small, its weight is 1, and the resolution reports it.
 */
final class SmoothTchebycheff implements Resolver {
  private static final double FLOOR = 1e-20;
  private static final String SUMS = "sums";
  private static final String ROUNDS = "rounds";

  /** Options of {@code stch}. */
  record Options(
      @Param(
              value =
                  "smoothness: a small value follows the worst task only, a large one weighs all tasks alike",
              defaultValue = "1.0",
              min = 0,
              exclusiveMin = true)
          double mu,
      @Param(
              value = "the epoch, from 0, whose mean losses are the nadir",
              defaultValue = "4",
              min = 0)
          long warmupEpoch,
      @Param(value = "rounds of an epoch", defaultValue = "10", min = 1) long roundsPerEpoch) {}

  private final Options options;

  SmoothTchebycheff(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY.with(SUMS, new double[tasks]).with(ROUNDS, 0);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    long epoch = Math.floorDiv(round.round(), options.roundsPerEpoch());
    double[] losses = round.losses();
    if (epoch > options.warmupEpoch()) {
      return afterWarmup(round, state);
    }
    double[] weights = new double[losses.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = losses[i] > 0 ? 1 / (losses[i] + FLOOR) : 1;
    }
    MethodState next = state;
    if (epoch == options.warmupEpoch()) {
      double[] sums = state.get(SUMS);
      for (int i = 0; i < sums.length; i++) {
        sums[i] += losses[i];
      }
      next = state.with(SUMS, sums).with(ROUNDS, state.number(ROUNDS) + 1);
    }
    return resolution(weights, positive(losses), next);
  }

  private Resolution afterWarmup(RoundStatistics round, MethodState state) {
    double[] losses = round.losses();
    int n = losses.length;
    double[] nadir = DoubleVectors.scaled(state.get(SUMS), 1 / state.number(ROUNDS));
    double[] heat = new double[n];
    double[] relative = new double[n];
    for (int i = 0; i < n; i++) {
      relative[i] = nadir[i] > 0 ? Math.max(losses[i], 0) / nadir[i] + FLOOR : 1;
      heat[i] = StrictMath.log(relative[i]) / options.mu();
    }
    double[] softmax = DoubleVectors.softmax(heat);
    double[] weights = new double[n];
    for (int i = 0; i < n; i++) {
      boolean usable = losses[i] > 0 && nadir[i] > 0;
      weights[i] = usable ? n * softmax[i] / nadir[i] / relative[i] : 1;
    }
    return resolution(weights, positive(losses) && positive(nadir), state).with("nadir", nadir);
  }

  private static Resolution resolution(double[] weights, boolean usable, MethodState next) {
    return usable
        ? Resolution.of(weights, next)
        : Resolution.fallback(weights, LOSSES, "a loss is not positive: its weight is 1", next);
  }

  private static boolean positive(double[] losses) {
    for (double loss : losses) {
      if (!(loss > 0)) {
        return false;
      }
    }
    return true;
  }
}
