package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.arbitrator.linalg.Simplex;
import io.gradstream.proto.spec.Param;

/**
 * MoDo: MGDA's weights, descended one step a round with two independent samples of the gradients,
 * so that the noise of one sample does not bias them (Chen et al. 2023, "Three-Way Trade-Off in
 * Multi-Objective Learning", arXiv:2305.20057, algorithm 1; checked against LibMTL's MoDo and
 * TorchJD's example).
 *
 * <p>lambda = P(lambda - gamma (C lambda + rho lambda)), C = J1 J2' of the two samples, P the
 * nearest point of the simplex; the new lambda makes the update. What is combined is a third sample
 * (LibMTL, the official code) or the mean of the two (the paper). gamma has the unit of 1 over a
 * squared gradient: at gradients of 1e4 lambda jumps from vertex to vertex, at 1e-6 it never moves.
 * With {@code scale: mean-square} C is divided by its mean diagonal first. State: {@code lambda}
 * (N, from 1/N).
 */
final class MoDo implements Resolver {
  private static final String LAMBDA = "lambda";

  /** Which sample the weights are for. */
  enum Update {
    THIRD,
    MEAN
  }

  /** What the products are divided by. */
  enum Scale {
    NONE,
    MEAN_SQUARE
  }

  /** Options of {@code modo}. */
  record Options(
      @Param(value = "step size gamma of lambda", defaultValue = "0.001", min = 0) double gamma,
      @Param(value = "regularisation rho of lambda", defaultValue = "0.1", min = 0) double rho,
      @Param(
              value =
                  "what is combined: a third sample (accumulation.groups: 3), or the mean of the"
                      + " two (groups: 2)",
              defaultValue = "third")
          Update update,
      @Param(
              value =
                  "none: products as they are; mean-square: divided by the mean of their diagonal,"
                      + " so that gamma has no unit",
              defaultValue = "none")
          Scale scale) {}

  private final Options options;

  MoDo(Options options) {
    this.options = options;
  }

  @Override
  public double[] sampleShares() {
    return options.update() == Update.THIRD ? new double[] {0, 0, 1} : new double[] {0.5, 0.5};
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY.with(LAMBDA, DoubleVectors.filled(tasks, 1.0 / tasks));
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] lambda = state.get(LAMBDA);
    double[] slope = Matrices.times(round.independent(), lambda);
    double unit = options.scale() == Scale.NONE ? 1 : meanSquare(round.independent());
    double[] moved = new double[lambda.length];
    for (int i = 0; i < moved.length; i++) {
      moved[i] = lambda[i] - options.gamma() * (slope[i] / unit + options.rho() * lambda[i]);
    }
    double[] next = Simplex.nearest(moved);
    return Resolution.of(next, state.with(LAMBDA, next));
  }

  /** Mean of the diagonal, negative entries as 0; 1 where nothing is left. */
  private static double meanSquare(double[][] products) {
    double sum = 0;
    for (int i = 0; i < products.length; i++) {
      sum += Math.max(0, products[i][i]);
    }
    return sum > 0 ? sum / products.length : 1;
  }
}
