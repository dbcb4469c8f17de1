package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Section;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** What holds for every method, or for every one that claims it. */
class ResolverPropertiesTest {
  /**
   * Methods that treat all tasks alike; gcond's ties and the random methods' draws know the order.
   */
  private static final List<String> SYMMETRIC =
      List.of(
          "sum",
          "si",
          "dwa",
          "uw",
          "famo",
          "stch",
          "gradnorm",
          "cagrad",
          "mgda",
          "imtl-g",
          "nash-mtl",
          "fairgrad",
          "aligned-mtl",
          "upgrad",
          "dualproj",
          "moco",
          "gls",
          "imtl-l",
          "imtl",
          "stch-plain",
          "cosmos",
          "pbi",
          "config",
          "db-mtl",
          "cr-mogm");

  /** Methods whose weights stay as they are when all gradients are multiplied by a number. */
  private static final List<String> SCALE_FREE =
      List.of(
          "sum",
          "gcond",
          "gcond-paper",
          "gradvac",
          "config",
          "krum",
          "imtl",
          "cr-mogm",
          "pcgrad",
          "mgda",
          "imtl-g",
          "aligned-mtl",
          "upgrad",
          "dualproj");

  @Provide
  Arbitrary<RandomRound> any() {
    return RandomRound.any();
  }

  @Provide
  Arbitrary<RandomRound> independent() {
    return RandomRound.independent();
  }

  /**
   * The methods themselves, not what {@link GuardedResolver} makes of them: it would replace what
   * is not finite, and nobody would see it.
   */
  @Property(tries = 2000)
  void weightsAndStateStayFiniteWhateverTheGradients(
      @ForAll("any") RandomRound drawn, @ForAll("extremes") double scale) {
    RandomRound first = drawn.scaled(scale);
    RandomRound second = first.inOrder(reversed(first.tasks()));
    double[][] cross = Matrices.timesTransposed(second.gradients(), first.gradients());
    RoundStatistics before = first.statistics();
    RoundStatistics after = second.statistics(1, cross);

    for (String method : methodsFor(first.tasks())) {
      Resolver resolver = unguarded(method);
      Resolution one = resolver.resolve(before, resolver.initialState(first.tasks()));
      Resolution two = resolver.resolve(after, one.state());
      for (Resolution resolution : List.of(one, two)) {
        assertThat(DoubleVectors.finite(resolution.weights()))
            .as(method + " " + Arrays.toString(resolution.weights()))
            .isTrue();
        resolution
            .state()
            .values()
            .forEach(
                (name, numbers) ->
                    assertThat(DoubleVectors.finite(numbers)).as(method + " " + name).isTrue());
      }
    }
  }

  @Provide
  Arbitrary<Double> extremes() {
    return Arbitraries.of(1e-12, 1e-6, 1.0, 1e6, 1e12);
  }

  @Property(tries = 1000)
  void lossesOfAnySignAndSizeLeaveWeightsFinite(
      @ForAll("independent") RandomRound round, @ForAll long seed) {
    var random = new Random(seed);
    double[] sizes = {-1e6, -1, 0, 1e-30, 1e-8, 1, 1e6};
    for (String method : methodsFor(round.tasks())) {
      Resolver resolver = unguarded(method);
      MethodState state = resolver.initialState(round.tasks());
      for (int k = 0; k < 4; k++) {
        double[] losses = new double[round.tasks()];
        for (int i = 0; i < losses.length; i++) {
          losses[i] = sizes[random.nextInt(sizes.length)];
        }
        Resolution resolution =
            resolver.resolve(
                new RandomRound(round.gradients(), losses)
                    .statistics(k, new double[round.tasks()][round.tasks()]),
                state);
        assertThat(DoubleVectors.finite(resolution.weights()))
            .as(method + " " + Arrays.toString(losses))
            .isTrue();
        state = resolution.state();
      }
    }
  }

  @Property(tries = 2000)
  void theOrderOfTasksDoesNotMatter(@ForAll("independent") RandomRound round, @ForAll long seed) {
    int[] order = shuffled(round.tasks(), seed);
    RandomRound other = round.inOrder(order);

    for (String method : SYMMETRIC) {
      double[] weights = weightsOf(create(method), round);
      double[] permuted = weightsOf(create(method), other);

      double[] expected = Arrays.stream(order).mapToDouble(task -> weights[task]).toArray();
      assertSameUpdate(method, other, permuted, expected, 1e-7);
    }
  }

  @Property(tries = 2000)
  void weightsDoNotDependOnTheGradientsScale(
      @ForAll("independent") RandomRound round, @ForAll("scales") double scale) {
    for (String method : SCALE_FREE) {
      if (!methodsFor(round.tasks()).contains(method)) {
        continue;
      }
      double[] expected = weightsOf(create(method), round);
      double[] weights = weightsOf(create(method), round.scaled(scale));
      assertSameUpdate(method + " at scale " + scale, round, weights, expected, 1e-7);
    }
  }

  @Provide
  Arbitrary<Double> scales() {
    return Arbitraries.of(1e-6, 1e-2, 1e6);
  }

  @Property(tries = 2000)
  void fairWeightsFollowTheScaleByTheirPower(
      @ForAll("independent") RandomRound round, @ForAll("alphas") double alpha) {
    Resolver resolver = Resolvers.create(Section.of("fairgrad", Map.of("alpha", alpha)));
    double[] weights = weightsOf(resolver, round);

    for (double scale : new double[] {1e-5, 1e5}) {
      // s^2 G w' = w'^(-1/alpha) holds for w' = s^(-2 alpha / (1 + alpha)) w.
      double factor = Math.pow(scale, -2 * alpha / (1 + alpha));
      double[] expected = DoubleVectors.scaled(weights, factor);
      double[] found = weightsOf(resolver, round.scaled(scale));
      assertSameUpdate("fairgrad", round, found, expected, 1e-7);
    }
  }

  @Provide
  Arbitrary<Double> alphas() {
    return Arbitraries.of(0.5, 1.0, 2.0, 5.0);
  }

  @Property(tries = 500)
  void theSameStatisticsAndStateGiveTheSameBits(@ForAll("any") RandomRound round) {
    for (String method : methodsFor(round.tasks())) {
      MethodState state = create(method).initialState(round.tasks());

      Resolution one = create(method).resolve(round.statistics(), state);
      Resolution two = create(method).resolve(round.statistics(), state);

      assertThat(one.weights()).as(method).containsExactly(two.weights());
    }
  }

  private static void assertSameUpdate(
      String what, RandomRound round, double[] weights, double[] expected, double tolerance) {
    double[] difference = new double[weights.length];
    for (int i = 0; i < weights.length; i++) {
      difference[i] = weights[i] - expected[i];
    }
    assertThat(round.size(difference))
        .as("%s: %s instead of %s", what, Arrays.toString(weights), Arrays.toString(expected))
        .isLessThanOrEqualTo(tolerance * round.size(expected));
  }

  private static double[] weightsOf(Resolver resolver, RandomRound round) {
    return resolver.resolve(round.statistics(), resolver.initialState(round.tasks())).weights();
  }

  /** Krum and the trimmed mean need three tasks. */
  private static List<String> methodsFor(int tasks) {
    return Resolvers.CATALOG.names().stream()
        .filter(method -> tasks >= 3 || !List.of("krum", "trimmed-mean").contains(method))
        .toList();
  }

  private static Resolver unguarded(String method) {
    return Resolvers.CATALOG.create(Section.of(method, Map.of())).apply(new SeededRandomSource());
  }

  private static Resolver create(String method) {
    // Regularisation and thresholds in absolute numbers would make a method know the scale.
    Map<String, Object> options =
        switch (method) {
          case "upgrad", "dualproj" -> Map.of("norm-eps", 0.0);
          default -> Map.of();
        };
    return Resolvers.create(Section.of(method, options));
  }

  private static int[] reversed(int n) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      order[i] = n - 1 - i;
    }
    return order;
  }

  private static int[] shuffled(int n, long seed) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      order.add(i);
    }
    Collections.shuffle(order, new Random(seed));
    return order.stream().mapToInt(Integer::intValue).toArray();
  }
}
