package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.arbitrator.offline.VectorGCond;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;

class GCondTest {
  /** Below a weak threshold of 0 rounding alone would say whether a pair still conflicts. */
  private static final List<Double> WEAK = List.of(-0.8, -0.5, -0.01);

  private static final Map<String, Object> PUBLIC =
      Map.of(
          "scores", "projected",
          "stability", "projected",
          "norm-average", "from-one",
          "dominance", "overall",
          "critical-loser", "dropped",
          "tolerance", 0.0,
          "eps", 1e-8);

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
  void decidesAndCombinesAsOnTheVectors(@ForAll("runs") List<RandomRound> run) {
    agreesWithTheVectors(run, Map.of("thresholds", WEAK), false, true);
  }

  @Property(tries = 2000)
  void decidesAndCombinesAsThePublicCodeOnTheVectors(
      @ForAll("runs") List<RandomRound> run, @ForAll boolean raw) {
    var options = new HashMap<String, Object>(PUBLIC);
    options.put("thresholds", WEAK);
    options.put("stability", raw ? "raw" : "projected");
    agreesWithTheVectors(run, options, true, raw);
  }

  private static void agreesWithTheVectors(
      List<RandomRound> run, Map<String, ?> options, boolean publicCode, boolean raw) {
    int tasks = run.getFirst().tasks();
    Resolver resolver = Resolvers.create(Section.of("gcond", options));
    var vectors =
        new VectorGCond<>(
            new DoubleArrays(),
            new VectorGCond.Options(-0.8, -0.5, -0.01, publicCode, raw, 3, 2 * tasks));
    MethodState state = resolver.initialState(tasks);
    double[][] before = new double[tasks][run.getFirst().gradients()[0].length];

    for (int round = 0; round < run.size(); round++) {
      RandomRound now = run.get(round);
      double[][] cross = Matrices.timesTransposed(now.gradients(), before);
      Resolution resolution = resolver.resolve(now.statistics(round, cross), state);
      List<double[]> projected = Stream.of(now.gradients()).map(double[]::clone).toList();
      List<VectorGCond.Decision> decisions = vectors.resolve(projected);

      assertThat(decisions(resolution)).isEqualTo(decisions);
      double[] update = now.combine(resolution.weights());
      double rounding = 1e-8 * now.size(resolution.weights());
      for (int d = 0; d < update.length; d++) {
        int at = d;
        double expected = projected.stream().mapToDouble(vector -> vector[at]).sum();
        assertThat(update[d]).isBetween(expected - rounding, expected + rounding);
      }
      state = resolution.state();
      before = now.gradients();
    }
  }

  /** The public code's eps leaves a trace of each conflict, which it then arbitrates again. */
  @Property(tries = 500)
  void aCriticalConflictIsArbitratedOnce(
      @ForAll @DoubleRange(min = -0.99, max = -0.81) double cosine,
      @ForAll("scales") double scale) {
    double squared = scale * scale;
    double[][] gram = {{squared, squared * cosine}, {squared * cosine, squared}};
    var round = new RoundStatistics(0, 2, gram, new double[2][2], new double[2], 0);

    assertThat(resolve(Map.of(), round).arbitrations()).hasSize(1);
    assertThat(resolve(PUBLIC, round).arbitrations().size()).isNotEqualTo(1);
  }

  @Provide
  Arbitrary<Double> scales() {
    return Arbitraries.of(1e-12, 1e-6, 1e-2, 1.0);
  }

  @Property(tries = 1000)
  void gradientsOfAnyScaleAreResolvedAlike(
      @ForAll("runs") List<RandomRound> run, @ForAll("scales") double scale) {
    // A power of two changes no rounding, so every bit must stay.
    double factor = Math.scalb(1.0, Math.getExponent(scale));
    Resolver resolver = Resolvers.create(Section.of("gcond", Map.of()));
    MethodState state = resolver.initialState(run.getFirst().tasks());
    MethodState scaledState = state;
    RandomRound before = run.getFirst().scaled(0);
    for (int k = 0; k < run.size(); k++) {
      RandomRound now = run.get(k);
      double[][] cross = Matrices.timesTransposed(now.gradients(), before.gradients());
      Resolution plain = resolver.resolve(now.statistics(k, cross), state);
      Resolution scaled =
          resolver.resolve(
              now.scaled(factor).statistics(k, Matrices.scaled(cross, factor * factor)),
              scaledState);
      assertThat(scaled.weights()).containsExactly(plain.weights());
      assertThat(decisions(scaled)).isEqualTo(decisions(plain));
      state = plain.state();
      scaledState = scaled.state();
      before = now;
    }
  }

  /** Task 0 is steady and the others are noisy, so it wins whenever nobody stops it. */
  @Test
  void withoutAWindowTheSteadyTaskWinsTwentyTimesRunning() {
    assertThat(longestStreak(Map.of("dominance-window", 0))).isGreaterThanOrEqualTo(20);
  }

  @Test
  void theWindowEndsEveryPairsStreak() {
    assertThat(longestStreak(Map.of("dominance-window", 3))).isEqualTo(3);
    assertThat(longestStreak(Map.of("dominance-window", 1))).isEqualTo(1);
  }

  /** Passes that decide nothing, and wins over others, fill the public code's window. */
  @Test
  void thePublicCodesWindowLetsAPairsStreakGoOn() {
    assertThat(longestStreak(PUBLIC)).isGreaterThan(3);
  }

  /** The most deciding arbitrations of one pair in a row that went to the same task. */
  private static int longestStreak(Map<String, ?> options) {
    Resolver resolver = Resolvers.create(Section.of("gcond", options));
    MethodState state = resolver.initialState(3);
    var random = new Random(4);
    RandomRound before = steadyAndNoisy(random).scaled(0);
    int[][] streaks = new int[3][3];
    int longest = 0;
    for (int k = 0; k < 60; k++) {
      RandomRound now = steadyAndNoisy(random);
      double[][] cross = Matrices.timesTransposed(now.gradients(), before.gradients());
      Resolution resolution = resolver.resolve(now.statistics(k, cross), state);
      for (Arbitration one : resolution.arbitrations()) {
        boolean decides = one.cosine() < -1e-6 && one.zone() != Zone.MILD;
        if (decides) {
          int loser = one.winner() == one.first() ? one.second() : one.first();
          longest = Math.max(longest, ++streaks[one.winner()][loser]);
          streaks[loser][one.winner()] = 0;
        }
      }
      state = resolution.state();
      before = now;
    }
    return longest;
  }

  private static RandomRound steadyAndNoisy(Random random) {
    double[][] gradients = new double[3][20];
    for (int i = 0; i < 3; i++) {
      for (int d = 0; d < 20; d++) {
        double noise = i == 0 ? 0 : random.nextGaussian() * 0.35;
        gradients[i][d] = (i == 0 ? 1 : -0.6) * (d % 2 == 0 ? 1 : 0.2) + noise;
      }
    }
    return new RandomRound(gradients, new double[] {1, 1, 1});
  }

  @Test
  void theStepwiseModeProjectsACriticalConflictsLoser() {
    double[][] gram = {{1, -0.9}, {-0.9, 1}};
    var round = new RoundStatistics(0, 2, gram, new double[2][2], new double[2], 0);

    // The loser, task 1, keeps what stands upright on the winner: g1 + 0.9 g0.
    assertThat(resolve(Map.of("projection", "zones"), round).weights())
        .containsExactly(new double[] {1.9, 1}, offset(1e-12));
    assertThat(resolve(Map.of("projection", "zones", "critical-loser", "dropped"), round).weights())
        .containsExactly(1, 0);
  }

  @Test
  void scoresOfAccumulatedGradientsDoNotChangeWhileARoundIsDecided() {
    var round = RandomRound.draw(5, 8, RandomRound.Kind.OPPOSED, 1, 5);
    Resolution resolution =
        resolve(Map.of("thresholds", List.of(-0.3, -0.01, 0)), round.statistics());
    var seen = new HashMap<List<Integer>, Double>();

    assertThat(resolution.arbitrations()).hasSizeGreaterThan(3);
    for (Arbitration one : resolution.arbitrations()) {
      if (one.winner() != Arbitration.NOBODY) {
        var pair = List.of(one.first(), one.second());
        assertThat(one.firstScore()).isEqualTo(seen.getOrDefault(pair, one.firstScore()));
        seen.put(pair, one.firstScore());
        // In the first round nothing is stable and every norm is its own average.
        assertThat(one.firstScore()).isEqualTo(0.1, offset(1e-12));
      }
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
    Resolver resolver = Resolvers.create(Section.of("gcond", Map.of("dominance-window", 1)));
    double[][] gram = {{9, -2.5}, {-2.5, 1}};
    var statistics = new RoundStatistics(0, 2, gram, new double[2][2], new double[2], 0);

    Resolution first = resolver.resolve(statistics, resolver.initialState(2));
    Resolution second = resolver.resolve(statistics, first.state());

    assertThat(first.arbitrations().getFirst().winner()).isZero();
    assertThat(first.arbitrations().getFirst().forced()).isFalse();
    assertThat(second.arbitrations().getFirst().winner()).isEqualTo(1);
    assertThat(second.arbitrations().getFirst().forced()).isTrue();
  }

  @Test
  void nobodyWinsAMildConflict() {
    double[][] gram = {{1, -0.3}, {-0.3, 1}};
    var round = new RoundStatistics(0, 2, gram, new double[2][2], new double[2], 0);

    Resolution resolution = resolve(Map.of(), round);

    assertThat(resolution.arbitrations())
        .isNotEmpty()
        .allMatch(one -> one.zone() == Zone.MILD && one.winner() == Arbitration.NOBODY);
    assertThat(resolution.weights()[0]).isEqualTo(resolution.weights()[1]);
    assertThat(resolution.state().get("history")).containsOnly(0);
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

  private static Resolution resolve(Map<String, ?> options, RoundStatistics round) {
    Resolver resolver = Resolvers.create(Section.of("gcond", options));
    return resolver.resolve(round, resolver.initialState(round.tasks()));
  }

  private static List<VectorGCond.Decision> decisions(Resolution resolution) {
    return resolution.arbitrations().stream()
        .map(one -> new VectorGCond.Decision(one.first(), one.second(), one.winner()))
        .toList();
  }

  private static final class DoubleArrays implements VectorGCond.Vectors<double[]> {
    @Override
    public double[] copy(double[] vector) {
      return vector.clone();
    }

    @Override
    public double dot(double[] x, double[] y) {
      return DoubleVectors.dot(x, y);
    }

    @Override
    public double squared(double[] x) {
      return DoubleVectors.dot(x, x);
    }

    @Override
    public void subtract(double[] x, double factor, double[] y) {
      for (int d = 0; d < x.length; d++) {
        x[d] -= factor * y[d];
      }
    }
  }
}
