package io.gradstream.arbitrator.offline;

import io.gradstream.arbitrator.offline.GradientCase.Step;
import io.gradstream.arbitrator.resolver.RandomSource;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.arbitrator.resolver.SeededRandomSource;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes the random numbers of a round from the case that is answered: its steps may list them as
 * {@code order}, {@code normal} and {@code uniform}. If a step lists none, they are drawn from the
 * seed as in a run.
 */
final class RecordedRandomSource implements RandomSource {
  private final Map<Long, Step> steps;
  private final RandomSource drawn = new SeededRandomSource();

  /**
   * @param steps from round number to step
   */
  RecordedRandomSource(Map<Long, Step> steps) {
    this.steps = steps;
  }

  @Override
  public int[][] visitingOrders(RoundStatistics round) {
    Object given = input(round.round(), "order");
    if (given == null) {
      return drawn.visitingOrders(round);
    }
    double[][] rows = GradientCase.rowsOf("order", given);
    int[][] orders = new int[rows.length][];
    for (int i = 0; i < rows.length; i++) {
      orders[i] = new int[rows[i].length];
      for (int k = 0; k < rows[i].length; k++) {
        orders[i][k] = (int) rows[i][k];
      }
    }
    return orders;
  }

  @Override
  public double[] normals(RoundStatistics round) {
    Object given = input(round.round(), "normal");
    return given == null ? drawn.normals(round) : GradientCase.numbersOf("normal", given);
  }

  @Override
  public double uniform(long seed, long round, long element) {
    Step step = steps.get(round);
    double[] given = step == null ? null : step.numbers("uniform");
    return given == null ? drawn.uniform(seed, round, element) : given[(int) element];
  }

  private @Nullable Object input(long round, String name) {
    Step step = steps.get(round);
    return step == null ? null : step.inputs().get(name);
  }
}
