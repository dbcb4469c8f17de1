package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.LinearSystem;
import io.gradstream.arbitrator.linalg.Matrices;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * IMTL: IMTL-G's equal projections of gradients whose losses IMTL-L has scaled (Liu et al. 2021,
 * "Towards impartial multi-task learning", section 3.3; checked against LibMTL's IMTL).
 *
 * <p>w = alpha e^s with s as in {@link ImtlL}, and alpha such that the update has the same
 * projection t on every direction and the alpha sum to 1: with the cosines R, x = alpha e^s n, R x
 * = t 1 and sum x / (e^s n) = 1, which is solved as one system. It is regular for opposite
 * gradients too (update 0).
 *
 * <p>A task without a gradient has no direction: it is left out. For gradients of one direction no
 * alpha is better than another: {@link ImtlG}'s smallest is taken. Both are reported. State: that
 * of {@link ImtlL}.
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
    String fallback = learned.fallback();
    double[] found = live.length == 0 ? new double[0] : equalProjections(gram);
    if (live.length < n) {
      fallback = "a task without a gradient is left out";
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
