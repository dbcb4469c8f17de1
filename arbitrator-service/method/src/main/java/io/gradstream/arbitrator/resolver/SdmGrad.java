package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.arbitrator.linalg.Simplex;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * SDMGrad: the common descent direction of the gradients, drawn towards a preferred one, from
 * independent samples (Xiao et al. 2023, "Direction-oriented Multi-objective Learning",
 * arXiv:2305.18409, algorithm 1; checked against LibMTL's SDMGrad and TorchJD's example).
 *
 * <p>With C = J1 J2' of two samples, divided by c squared plus 1e-8 where c is the mean of its
 * diagonal's roots, w descends w'C(w / 2 + lambda p) on the simplex by a fixed number of steps of
 * gradient descent with momentum; the update is (w + lambda p) / (1 + lambda) on the third sample.
 * The steps are long and do not converge: the result is a finite recursion, and a solver of the
 * problem would answer something else than the public code. Here all is in double; public code in
 * float32 leaves it by up to 0.9 in a weight. State: {@code w} (N, from 1/N).
 */
final class SdmGrad implements Resolver {
  private static final String W = "w";
  private static final double FLOOR = 1e-8;

  /** Options of {@code sdmgrad}. */
  record Options(
      @Param(value = "pull lambda towards the preference", defaultValue = "0.3", min = 0)
          double lambda,
      @Param(value = "steps of a round", defaultValue = "20", min = 1, max = 10000) int iterations,
      @Param(value = "size of these steps", defaultValue = "5.0", min = 0) double learningRate,
      @Param(
              value = "momentum of these steps",
              defaultValue = "0.5",
              min = 0,
              max = 1,
              exclusiveMax = true)
          double momentum,
      @Param(value = "preferred weights, one number per task; 1/N each if absent")
          @Nullable List<Double> preference) {}

  private final Options options;

  SdmGrad(Options options) {
    this.options = options;
  }

  @Override
  public double[] sampleShares() {
    return new double[] {0, 0, 1};
  }

  @Override
  public MethodState initialState(int tasks) {
    preference(tasks);
    return MethodState.EMPTY.with(W, DoubleVectors.filled(tasks, 1.0 / tasks));
  }

  private double[] preference(int tasks) {
    return OptionChecks.perTask("preference", options.preference(), tasks, 1.0 / tasks);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[][] scaled = scaled(round.independent());
    double[] p = preference(n);
    double[] w = state.get(W);
    double[] velocity = new double[n];
    for (int step = 0; step < options.iterations(); step++) {
      double[] pulled = new double[n];
      for (int i = 0; i < n; i++) {
        pulled[i] = w[i] + options.lambda() * p[i];
      }
      double[] slope = Matrices.times(scaled, pulled);
      double[] moved = new double[n];
      for (int i = 0; i < n; i++) {
        velocity[i] = step == 0 ? slope[i] : options.momentum() * velocity[i] + slope[i];
        moved[i] = w[i] - options.learningRate() * velocity[i];
      }
      w = Simplex.nearest(moved);
    }
    double[] weights = new double[n];
    for (int i = 0; i < n; i++) {
      weights[i] = (w[i] + options.lambda() * p[i]) / (1 + options.lambda());
    }
    return Resolution.of(weights, state.with(W, w)).with("simplex-weights", w);
  }

  private static double[][] scaled(double[][] products) {
    int n = products.length;
    double mean = 0;
    for (int i = 0; i < n; i++) {
      mean += Math.sqrt(Math.max(0, products[i][i])) / n;
    }
    double[][] scaled = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        scaled[i][j] = products[i][j] / (mean * mean + FLOOR);
      }
    }
    return scaled;
  }
}
