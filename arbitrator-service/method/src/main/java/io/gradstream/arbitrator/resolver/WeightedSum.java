package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;

/**
 * {@code sum}, also called linear scalarisation: the plain sum of the loss-weighted gradients, a
 * baseline that ignores conflicts (checked against LibMTL's EW).
 */
final class WeightedSum implements Resolver {

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    return Resolution.of(DoubleVectors.filled(round.tasks(), 1), state);
  }
}
