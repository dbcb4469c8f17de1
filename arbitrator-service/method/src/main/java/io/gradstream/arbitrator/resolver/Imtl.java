package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.GRADIENTS;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.LinearSystem;
import io.gradstream.arbitrator.linalg.Matrices;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * IMTL: IMTL-G's equal projections of gradients whose losses IMTL-L has scaled (Liu et al. 2021,
 * "Towards impartial multi-task learning", section 3.3; checked against LibMTL's IMTL).
 *
 * <p>The weights are w_i = alpha_i e^{s_i}, where {@link ImtlL} learns the scales s. The alpha sum
 * to 1 and give the update the same projection t on every task's direction. With n_i the norm of
 * task i's gradient, R the N x N matrix of cosines and x_i = alpha_i e^{s_i} n_i, that is R x = t 1
 * and sum_i x_i / (e^{s_i} n_i) = 1: one linear system in x and t. The system also has a unique
 * solution for two opposite gradients, for which the update is 0.
 *
 * <p>A task whose gradient is zero has no direction, so it is left out. If all gradients have the
 * same direction, every alpha solves the system, and the method takes the smallest, as {@link
 * ImtlG} does. Both cases are reported as a fallback. The state is that of {@link ImtlL}.
 */
final class Imtl implements Resolver {
  private final ImtlL scales;

  Imtl(ImtlL.Options options) {
    this.scales = new ImtlL(options);
  }

  @Override
  public MethodState initialState(int tasks) {
    return scales.initialState(tasks);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    Resolution learned = scales.resolve(round, state);
    double[] factors = learned.weights();
    int n = round.tasks();
    int[] live = IntStream.range(0, n).filter(i -> round.gram()[i][i] > 0).toArray();
    double[][] gram = new double[live.length][live.length];
    for (int i = 0; i < live.length; i++) {
      for (int j = 0; j < live.length; j++) {
        gram[i][j] = factors[live[i]] * factors[live[j]] * round.gram()[live[i]][live[j]];
      }
    }
    @Nullable Fallback fallback = learned.fallback();
    double[] found = live.length == 0 ? new double[0] : equalProjections(gram);
    if (live.length < n) {
      fallback = new Fallback(GRADIENTS, "a task without a gradient is left out");
    }
    if (found == null) {
      Resolution pseudo = ImtlG.resolve(gram, MethodState.EMPTY);
      found = pseudo.weights();
      fallback = pseudo.fallback();
    }
    double[] alpha = new double[n];
    double[] weights = new double[n];
    for (int k = 0; k < live.length; k++) {
      alpha[live[k]] = found[k];
      weights[live[k]] = found[k] * factors[live[k]];
    }
    return new Resolution(
            weights, learned.arbitrations(), learned.details(), fallback, learned.state())
        .with("alpha", alpha);
  }

  /** The alpha, or null where they are not determined. */
  private static double @Nullable [] equalProjections(double[][] gram) {
    int n = gram.length;
    double[][] cosines = Matrices.cosines(gram);
    double[][] system = new double[n + 1][n + 1];
    double smallest = Double.POSITIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      smallest = Math.min(smallest, Math.sqrt(gram[i][i]));
    }
    for (int i = 0; i < n; i++) {
      System.arraycopy(cosines[i], 0, system[i], 0, n);
      system[i][n] = -1;
      system[n][i] = smallest / Math.sqrt(gram[i][i]);
    }
    double[] solution = LinearSystem.solve(system, DoubleVectors.unit(n + 1, n));
    if (solution == null) {
      return null;
    }
    double[] alpha = new double[n];
    for (int i = 0; i < n; i++) {
      alpha[i] = solution[i] * system[n][i];
    }
    return alpha;
  }
}
