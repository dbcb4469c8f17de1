package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;

/**
 * RLW: weights are the softmax of normal random numbers, new ones each round (Lin et al. 2022,
 * arXiv:2111.10603, algorithm 1 with the normal distribution; checked against LibMTL's RLW).
 */
final class RandomWeighting implements Resolver {
  private final RandomSource draws;

  RandomWeighting(RandomSource draws) {
    this.draws = draws;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    return Resolution.of(DoubleVectors.softmax(draws.normals(round)), state);
  }
}
