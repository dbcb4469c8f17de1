package io.gradstream.arbitrator.resolver;

/**
 * DB-MTL: all gradients stretched to the length of the longest (Lin et al. 2023, "Dual-Balancing
 * for Multi-Task Learning", arXiv:2308.12029, section 3.2; checked against LibMTL's DB_MTL). For
 * use with the calibrator {@code db-mtl}, which averages the gradients of the losses' logarithms.
 *
 * <p>w = max |g| / (|g| + 1e-8). A task without a gradient gets an enormous weight, which
 * multiplies zero.
 */
final class DbMtl implements Resolver {
  private static final double FLOOR = 1e-8;

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] norms = round.norms();
    double longest = 0;
    for (double norm : norms) {
      longest = Math.max(longest, norm);
    }
    double[] weights = new double[norms.length];
    for (int i = 0; i < norms.length; i++) {
      weights[i] = longest / (norms[i] + FLOOR);
    }
    return Resolution.of(weights, state);
  }
}
