package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.SpecError;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Methods against the conditions that define their answers. */
class MoreMethodsTest {

  @Provide
  Arbitrary<RandomRound> independent() {
    return RandomRound.independent();
  }

  @Property(tries = 1000)
  void gradvacsFirstRoundIsPcgrads(@ForAll("independent") RandomRound round) {
    double[] vaccine = round.combine(resolve("gradvac", Map.of(), round).weights());
    double[] pcgrad = round.combine(resolve("pcgrad", Map.of(), round).weights());

    assertThat(vaccine)
        .containsExactly(
            pcgrad, offset(1e-9 * round.size(resolve("pcgrad", Map.of(), round).weights())));
  }

  @Property(tries = 1000)
  void configsDirectionHasOneCosineToAllGradientsAndTheSumOfTheirProjectionsAsLength(
      @ForAll("independent") RandomRound round) {
    double[] weights = resolve("config", Map.of(), round).weights();
    double[] update = round.combine(weights);
    double length = norm(update);
    double first = cosine(update, round.gradients()[0]);
    double projections = 0;
    double rounding = 1e-8 * round.size(weights) / length;
    for (double[] gradient : round.gradients()) {
      assertThat(cosine(update, gradient)).isEqualTo(first, offset(rounding));
      projections += DoubleVectors.dot(update, gradient) / length;
    }
    assertThat(length).isEqualTo(projections, offset(rounding * projections + 1e-12));
  }

  @Property(tries = 1000)
  void imtlProjectsAlikeAndItsAlphaSumToOne(@ForAll("independent") RandomRound round) {
    Resolver resolver = Resolvers.create(Section.of("imtl", Map.of("scale-learning-rate", 0.5)));
    MethodState state =
        resolver.resolve(round.statistics(), resolver.initialState(round.tasks())).state();
    Resolution resolution =
        resolver.resolve(round.statistics(1, new double[round.tasks()][round.tasks()]), state);
    double[] alpha = resolution.details().getOrDefault("alpha", new double[0]);
    double[] update = round.combine(resolution.weights());
    double rounding = 1e-8 * round.size(resolution.weights());

    assertThat(DoubleVectors.sum(alpha)).isEqualTo(1, offset(1e-7));
    double first = DoubleVectors.dot(update, round.gradients()[0]) / norm(round.gradients()[0]);
    for (double[] gradient : round.gradients()) {
      assertThat(DoubleVectors.dot(update, gradient) / norm(gradient))
          .isEqualTo(first, offset(rounding));
    }
  }

  /** In the first round a task's average norm is its norm: conditions are on unit gradients. */
  @Property(tries = 1000)
  void pcdsDirectionLetsAllOthersDescendAndLeavesThePrimaryOnlyWhereItMust(
      @ForAll("independent") RandomRound round) {
    Map<String, ?> options = Map.of("tau", List.of(0.1), "eps", 0.0, "primary", 1);
    double[] weights = resolve("pcd", options, round).weights();
    double[] update = round.combine(weights);
    double[] primary = round.gradients()[1];
    double length = norm(update);
    // d of the method's own length: its primary weight is 1 on unit gradients.
    double scale = 1 / (weights[1] * norm(primary));

    assertThat(length).isEqualTo(norm(primary), offset(1e-9 * round.size(weights)));
    for (int i = 0; i < round.tasks(); i++) {
      if (i != 1) {
        double[] gradient = round.gradients()[i];
        double along = scale * DoubleVectors.dot(update, gradient) / norm(gradient);
        double multiplier = scale * weights[i] * norm(gradient);
        double rounding = 1e-9 * (1 + scale * round.size(weights));
        assertThat(along).isGreaterThanOrEqualTo(0.1 - rounding);
        assertThat(multiplier).isGreaterThanOrEqualTo(0);
        assertThat(multiplier * (along - 0.1))
            .as("complementary")
            .isLessThan(1e-7 * (1 + scale * round.size(weights)) * (1 + multiplier));
      }
    }
  }

  @Test
  void imtllEndsAtTheLossesInverses() {
    Resolver resolver = Resolvers.create(Section.of("imtl-l", Map.of("scale-optimizer", "sgd")));
    double[] losses = {0.25, 1, 4};
    MethodState state = resolver.initialState(3);
    double[] weights = {};
    for (int k = 0; k < 3000; k++) {
      Resolution resolution = resolver.resolve(withLosses(k, losses), state);
      weights = resolution.weights();
      state = resolution.state();
    }
    assertThat(weights).containsExactly(new double[] {4, 1, 0.25}, offset(1e-6));
  }

  @Property(tries = 500)
  void crmogmWithoutMemoryIsTheMethodItself(@ForAll("independent") RandomRound round) {
    Resolver averaged =
        Resolvers.create(Section.of("cr-mogm", Map.of("base", "upgrad", "alpha", 0.0)));
    MethodState state = averaged.initialState(round.tasks());
    double[] expected = resolve("upgrad", Map.of(), round).weights();
    for (int k = 0; k < 2; k++) {
      Resolution resolution =
          averaged.resolve(round.statistics(k, new double[round.tasks()][round.tasks()]), state);
      assertThat(resolution.weights()).containsExactly(expected);
      state = resolution.state();
    }
  }

  @Test
  void crmogmMovesByTheRestOfItsShare() {
    Resolver resolver =
        Resolvers.create(
            Section.of(
                "cr-mogm",
                Map.of("base", "imtl-g", "alpha", 0.75, "initial-weights", List.of(1, 0))));
    double[][] gram = {{1, 0}, {0, 1}};
    var round = new RoundStatistics(0, 2, gram, new double[2][2], new double[] {1, 1}, 0);

    assertThat(resolver.resolve(round, resolver.initialState(2)).weights())
        .containsExactly(new double[] {0.875, 0.125}, offset(1e-12));
  }

  @Property(tries = 500)
  void krumLeavesAGradientFarFromAllOthersOut(@ForAll("independent") RandomRound round) {
    double[][] gradients = new double[5][];
    for (int i = 0; i < 5; i++) {
      double[] base = round.gradients()[0].clone();
      base[i % base.length] += 0.01 * norm(base);
      gradients[i] = base;
    }
    gradients[3] = DoubleVectors.scaled(gradients[3], -64);
    var wrong = new RandomRound(gradients, DoubleVectors.filled(5, 1));

    double[] weights = resolve("krum", Map.of("byzantine", 1, "selected", 3), wrong).weights();

    assertThat(weights[3]).isZero();
    assertThat(DoubleVectors.sum(weights)).isEqualTo(1, offset(1e-12));
  }

  @Property(tries = 500)
  void trimmedMeanStaysBetweenTheValuesThatAreLeft(@ForAll("independent") RandomRound round) {
    if (round.tasks() < 3) {
      return;
    }
    var method = (ElementwiseResolver) Resolvers.create(Section.of("trimmed-mean", Map.of()));
    double[] update = new double[round.gradients()[0].length];
    method.combine(1, 0, 0, round.gradients(), update);
    for (int d = 0; d < update.length; d++) {
      int at = d;
      double[] values =
          Arrays.stream(round.gradients()).mapToDouble(gradient -> gradient[at]).sorted().toArray();
      double rounding = 1e-12 * Math.max(-values[0], values[values.length - 1]);
      assertThat(update[d]).isBetween(values[1] - rounding, values[values.length - 2] + rounding);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "krum, byzantine, 1, 3, 4 tasks or more",
    "trimmed-mean, trimmed, 2, 4, 5 tasks or more",
    "pcd, primary, 2, 2, is no task"
  })
  void tooFewTasksAreTheUsersMistake(
      String method, String option, int value, int tasks, String message) {
    Resolver resolver = Resolvers.create(Section.of(method, Map.of(option, value)));

    assertThatThrownBy(() -> resolver.initialState(tasks))
        .isInstanceOf(SpecError.class)
        .hasMessageContaining(message);
  }

  @Test
  void glsIsTheGradientOfTheGeometricMeanAlsoOfManySmallLosses() {
    double[] losses = DoubleVectors.filled(100, 1e-6);
    double[][] none = new double[100][100];
    var round = new RoundStatistics(0, 100, none, none, losses, 0);

    assertThat(
            Resolvers.create(Section.of("gls", Map.of()))
                .resolve(round, MethodState.EMPTY)
                .weights())
        .containsExactly(DoubleVectors.filled(100, 0.01), offset(1e-12));
  }

  private static Resolution resolve(String method, Map<String, ?> options, RandomRound round) {
    Resolver resolver = Resolvers.create(Section.of(method, options));
    return resolver.resolve(round.statistics(), resolver.initialState(round.tasks()));
  }

  private static RoundStatistics withLosses(long round, double... losses) {
    int n = losses.length;
    return new RoundStatistics(round, n, new double[n][n], new double[n][n], losses, 0);
  }

  private static double norm(double[] x) {
    return Math.sqrt(DoubleVectors.dot(x, x));
  }

  private static double cosine(double[] x, double[] y) {
    return DoubleVectors.dot(x, y) / norm(x) / norm(y);
  }
}
