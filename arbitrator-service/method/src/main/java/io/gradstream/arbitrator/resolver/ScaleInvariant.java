package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.LOSSES;

/**
 * SI: the gradient of the sum of the losses' logarithms, w = 1 / L (checked against Nash-MTL's
 * ScaleInvariantLinearScalarization). A loss that is not positive has no logarithm: its weight is
 * 1, and the resolution reports it.
 */
final class ScaleInvariant implements Resolver {

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] weights = new double[round.tasks()];
    boolean positive = true;
    for (int i = 0; i < weights.length; i++) {
      double weight = 1 / round.losses()[i];
      boolean usable = weight > 0 && Double.isFinite(weight);
      weights[i] = usable ? weight : 1;
      positive &= usable;
    }
    return positive
        ? Resolution.of(weights, state)
        : Resolution.fallback(weights, LOSSES, "a loss is not positive: its weight is 1", state);
  }
}
