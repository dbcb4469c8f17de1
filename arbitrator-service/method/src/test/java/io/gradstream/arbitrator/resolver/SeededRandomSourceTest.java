package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import java.util.Arrays;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SeededRandomSourceTest {
  private final RandomSource draws = new SeededRandomSource();

  @Property(tries = 1000)
  void visitingOrdersArePermutationsThatSeedAndRoundDecide(
      @ForAll @IntRange(min = 1, max = 40) int tasks, @ForAll long seed, @ForAll long round) {
    int[][] orders = draws.visitingOrders(statistics(tasks, seed, round));

    assertThat(orders).hasNumberOfRows(tasks);
    for (int[] order : orders) {
      assertThat(Arrays.stream(order).sorted().toArray())
          .containsExactly(IntStream.range(0, tasks).toArray());
    }
    assertThat(orders)
        .isDeepEqualTo(new SeededRandomSource().visitingOrders(statistics(tasks, seed, round)));
  }

  @Test
  void everyOrderOfThreeTasksComesAboutAsOften() {
    int[] counts = new int[27];
    for (int round = 0; round < 20_000; round++) {
      for (int[] order : draws.visitingOrders(statistics(3, 1, round))) {
        counts[order[0] * 9 + order[1] * 3 + order[2]]++;
      }
    }

    // 60,000 draws over 6 orders: 10,000 each, standard deviation 91.
    assertThat(Arrays.stream(counts).filter(count -> count > 0).boxed())
        .hasSize(6)
        .allMatch(count -> Math.abs(count - 10_000) < 500);
  }

  @Test
  void uniformNumbersFillTheUnitIntervalAndNormalOnesHaveUnitVariance() {
    double[] uniform =
        IntStream.range(0, 50_000).mapToDouble(k -> draws.uniform(3, 5, k)).toArray();
    double[] normal =
        IntStream.range(0, 5000)
            .mapToObj(round -> draws.normals(statistics(10, 9, round)))
            .flatMapToDouble(Arrays::stream)
            .toArray();

    assertThat(Arrays.stream(uniform).boxed()).allMatch(u -> u >= 0 && u < 1);
    assertThat(DoubleVectors.mean(uniform)).isCloseTo(0.5, offset(0.01));
    assertThat(DoubleVectors.dot(uniform, uniform) / uniform.length)
        .isCloseTo(1.0 / 3, offset(0.01));
    assertThat(DoubleVectors.mean(normal)).isCloseTo(0, offset(0.02));
    assertThat(DoubleVectors.dot(normal, normal) / normal.length).isCloseTo(1, offset(0.03));
  }

  @Test
  void anotherSeedRoundOrElementGivesAnotherNumber() {
    double number = draws.uniform(1, 2, 3);

    assertThat(draws.uniform(2, 2, 3)).isNotEqualTo(number);
    assertThat(draws.uniform(1, 3, 3)).isNotEqualTo(number);
    assertThat(draws.uniform(1, 2, 4)).isNotEqualTo(number);
    assertThat(draws.uniform(1, 2, 3)).isEqualTo(number);
  }

  private static RoundStatistics statistics(int tasks, long seed, long round) {
    return new RoundStatistics(
        round, tasks, new double[tasks][tasks], new double[tasks][tasks], new double[tasks], seed);
  }
}
