package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class GCondTest {

  /** Three rounds of the same tasks. */
  @Provide
  Arbitrary<List<RandomRound>> runs() {
    return Combinators.combine(
            Arbitraries.integers().between(2, 8),
            Arbitraries.integers().between(4, 60),
            Arbitraries.of(RandomRound.Kind.PLAIN, RandomRound.Kind.OPPOSED),
            Arbitraries.longs())
        .as(
            (tasks, size, kind, seed) ->
                List.of(
                    RandomRound.draw(tasks, size, kind, 1, seed),
                    RandomRound.draw(tasks, size, kind, 1, seed + 1),
                    RandomRound.draw(tasks, size, kind, 1, seed + 2)));
  }

  @Property(tries = 2000)
  void decidesAndCombinesAsOnTheVectors(
      @ForAll("runs") List<RandomRound> run, @ForAll boolean raw) {
    // Below a weak threshold of 0 rounding alone would say whether a pair still conflicts.
    var options =
        Map.of("thresholds", List.of(-0.8, -0.5, -0.01), "stability", raw ? "raw" : "projected");
    Resolver resolver = Resolvers.create(Section.of("gcond", options));
    var vectors = new VectorGCond(-0.8, -0.5, -0.01, raw, 3);
    MethodState state = resolver.initialState(run.getFirst().tasks());
    double[][] before = new double[run.getFirst().tasks()][run.getFirst().gradients()[0].length];

    for (int round = 0; round < run.size(); round++) {
      RandomRound now = run.get(round);
      double[][] cross = Matrices.timesTransposed(now.gradients(), before);
      Resolution resolution = resolver.resolve(now.statistics(round, cross), state);
      VectorGCond.Step step = vectors.step(now.gradients());

      assertThat(winners(resolution)).isEqualTo(step.winners());
      double[] update = now.combine(resolution.weights());
      for (int d = 0; d < update.length; d++) {
        double rounding = 1e-8 * now.size(resolution.weights());
        assertThat(update[d]).isBetween(step.update()[d] - rounding, step.update()[d] + rounding);
      }
      state = resolution.state();
      before = now.gradients();
    }
  }

  @Property(tries = 2000)
  void leavesAgreeingGradientsUntouched(
      @ForAll("runs") List<RandomRound> run, @ForAll("projections") String projection) {
    // Absolute values agree in every element.
    double[][] gradients = Matrices.copy(run.getFirst().gradients());
    for (double[] gradient : gradients) {
      for (int d = 0; d < gradient.length; d++) {
        gradient[d] = Math.abs(gradient[d]);
      }
    }
    var round = new RandomRound(gradients, run.getFirst().losses());
    Resolver resolver = Resolvers.create(Section.of("gcond", Map.of("projection", projection)));

    Resolution resolution =
        resolver.resolve(round.statistics(), resolver.initialState(round.tasks()));

    assertThat(resolution.arbitrations()).isEmpty();
    assertThat(resolution.weights()).containsOnly(1);
  }

  @Provide
  Arbitrary<String> projections() {
    return Arbitraries.of("smooth", "zones", "hard");
  }

  @Test
  void hardProjectionsAreThoseOfPcgradForTwoTasks() {
    var round = RandomRound.draw(2, 10, RandomRound.Kind.OPPOSED, 0, 3);
    assertThat(round.gram()[0][1]).as("the two conflict").isNegative();

    double[] hard = weights("gcond", Map.of("projection", "hard"), round);
    double[] pcgrad = weights("pcgrad", Map.of(), round);

    assertThat(hard).containsExactly(pcgrad, offset(1e-6));
  }

  @Test
  void aLoneTaskKeepsItsGradient() {
    var round = RandomRound.draw(1, 5, RandomRound.Kind.PLAIN, 0, 3);

    assertThat(weights("gcond", Map.of(), round)).containsExactly(1);
  }

  @Test
  void aTaskThatWonTooOftenIsForcedToLose() {
    // The longer gradient wins by strength, since nothing is stable in the first round.
    var options = Map.of("dominance-window", 1, "stability", "projected");
    Resolver resolver = Resolvers.create(Section.of("gcond", options));
    var statistics =
        new RoundStatistics(
            0, 2, new double[][] {{9, -1.5}, {-1.5, 1}}, new double[2][2], new double[2], 0);

    Resolution first = resolver.resolve(statistics, resolver.initialState(2));
    Arbitration opening = first.arbitrations().getFirst();
    Resolution second =
        resolver.resolve(statistics, first.state().with("history", opening.winner()));

    assertThat(opening.winner()).isZero();
    assertThat(opening.forced()).isFalse();
    assertThat(second.arbitrations().getFirst().winner()).isEqualTo(1);
    assertThat(second.arbitrations().getFirst().forced()).isTrue();
  }

  @Test
  void thresholdsOutOfOrderAreTheUsersMistake() {
    assertThatThrownBy(
            () ->
                Resolvers.create(
                    Section.of("gcond", Map.of("thresholds", List.of(-0.5, -0.8, 0.0)))))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("thresholds")
        .hasMessageContaining("must rise");
  }

  private static double[] weights(String method, Map<String, ?> options, RandomRound round) {
    Resolver resolver = Resolvers.create(Section.of(method, options));
    return resolver.resolve(round.statistics(), resolver.initialState(round.tasks())).weights();
  }

  private static List<List<Integer>> winners(Resolution resolution) {
    return resolution.arbitrations().stream()
        .map(one -> List.of(one.first(), one.second(), one.winner()))
        .toList();
  }
}
