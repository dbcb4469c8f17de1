package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.arbitrator.linalg.Simplex;
import io.gradstream.proto.spec.Param;

/**
 * MoCo's weights: lambda moves against the gradient of the tracked gradients' norm and stays on the
 * simplex (Fernando et al. 2023, "Mitigating gradient bias in multi-objective learning", algorithm
 * 1; checked against LibMTL's MoCo).
 *
 * <p>lambda = S(lambda - gamma / t^sigma (Y Y' + rho I) lambda). S is the projection on the simplex
 * in the paper (option {@code simplex: projection}) and a softmax in LibMTL (the default), which is
 * no projection: it pulls lambda to equal weights in every round, since lambda's entries are at
 * most 1 apart. The new lambda makes the update. The gradients Y are what the calibrator {@code
 * moco} tracks; without it they are the round's own. State: {@code lambda} (N, from 1/N), {@code
 * rounds}.
 */
final class Moco implements Resolver {
  private static final String LAMBDA = "lambda";
  private static final String ROUNDS = "rounds";

  /** Options of {@code moco}. */
  record Options(
      @Param(value = "step size gamma of lambda", defaultValue = "0.1", min = 0) double gamma,
      @Param(
              value = "power sigma of the round number that gamma is divided by",
              defaultValue = "0.5",
              min = 0)
          double gammaSigma,
      @Param(value = "regularisation rho of lambda", defaultValue = "0.0", min = 0) double rho,
      @Param(
              value = "how lambda is kept on the simplex: softmax (LibMTL) or projection (paper)",
              defaultValue = "softmax")
          OnSimplex simplex) {}

  /** How lambda stays on the simplex. */
  enum OnSimplex {
    SOFTMAX,
    PROJECTION
  }

  private final Options options;

  Moco(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY.with(LAMBDA, DoubleVectors.filled(tasks, 1.0 / tasks)).with(ROUNDS, 0);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] lambda = state.get(LAMBDA);
    double rounds = state.number(ROUNDS) + 1;
    double[] slope = Matrices.times(round.gram(), lambda);
    double step = options.gamma() / StrictMath.pow(rounds, options.gammaSigma());
    double[] moved = new double[lambda.length];
    for (int i = 0; i < moved.length; i++) {
      moved[i] = lambda[i] - step * (slope[i] + options.rho() * lambda[i]);
    }
    double[] next =
        options.simplex() == OnSimplex.PROJECTION
            ? Simplex.nearest(moved)
            : DoubleVectors.softmax(moved);
    return Resolution.of(next, state.with(LAMBDA, next).with(ROUNDS, rounds));
  }
}
