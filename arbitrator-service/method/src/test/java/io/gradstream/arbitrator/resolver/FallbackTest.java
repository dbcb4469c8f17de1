package io.gradstream.arbitrator.resolver;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.SpecError;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What methods do where their own problem has no solution, and that they say so. */
class FallbackTest {
  private static final RoundStatistics ZERO_GRADIENT = round(new double[][] {{1, 0}, {0, 0}});
  private static final RoundStatistics OPPOSITE = round(new double[][] {{1, -1}, {-1, 1}});

  @ParameterizedTest
  @CsvSource({
    "fairgrad, GRADIENTS, left out",
    "mgda, GRADIENTS, left out",
    "nash-mtl, NO_SOLUTION, previous weights",
    "imtl-g, NO_SOLUTION, pseudo-inverse"
  })
  void aZeroGradientIsReported(String method, Fallback.Code code, String reason) {
    Fallback fallback = requireNonNull(resolve(method, Map.of(), ZERO_GRADIENT).fallback());
    assertThat(fallback.reason()).contains(reason);
    assertThat(fallback.code()).isEqualTo(code);
  }

  @ParameterizedTest
  @CsvSource({"fairgrad, cancel", "nash-mtl, previous weights", "imtl-g, same projection"})
  void gradientsThatCancelAreReported(String method, String reason) {
    assertThat(requireNonNull(resolve(method, Map.of(), OPPOSITE).fallback()).reason())
        .contains(reason);
  }

  @Test
  void fairgradStandsStillWhereGradientsCancel() {
    assertThat(resolve("fairgrad", Map.of(), OPPOSITE).weights()).containsExactly(0.5, 0.5);
  }

  @Test
  void mgdaLeavesAZeroGradientOutOfTheNormalisedHull() {
    Resolution resolution = resolve("mgda", Map.of("normalization", "l2"), ZERO_GRADIENT);

    assertThat(resolution.weights()).containsExactly(1, 0);
    assertThat(requireNonNull(resolution.fallback()).reason()).contains("left out");
  }

  @ParameterizedTest
  @CsvSource({"si", "stch", "gradnorm", "dwa"})
  void aLossThatIsNotPositiveIsReported(String method) {
    Map<String, ?> options =
        switch (method) {
          case "stch" -> Map.of("rounds-per-epoch", 1, "warmup-epoch", 0);
          case "dwa" -> Map.of("rounds-per-epoch", 1);
          default -> Map.of();
        };
    Resolver resolver = Resolvers.create(Section.of(method, options));
    MethodState state = resolver.initialState(2);
    Resolution last = null;
    for (int k = 0; k < 3; k++) {
      last = resolver.resolve(withLosses(k, -1, 2), state);
      state = last.state();
    }

    assertThat(last).isNotNull();
    assertThat(requireNonNull(last.fallback()).reason()).contains("not positive");
    assertThat(requireNonNull(last.fallback()).code()).isEqualTo(Fallback.Code.LOSSES);
    assertThat(DoubleVectors.finite(last.weights())).isTrue();
  }

  @Test
  void mgdaTellsALossThatItCannotDivideByFromAZeroGradient() {
    Resolver resolver = Resolvers.create(Section.of("mgda", Map.of("normalization", "loss")));
    MethodState state = resolver.initialState(2);

    assertThat(requireNonNull(resolver.resolve(withLosses(0, -1, 1), state).fallback()).code())
        .isEqualTo(Fallback.Code.LOSSES);
    assertThat(
            requireNonNull(
                    resolve("mgda", Map.of("normalization", "loss"), ZERO_GRADIENT).fallback())
                .code())
        .isEqualTo(Fallback.Code.GRADIENTS);
  }

  /** A task of weight 0 has a zero gradient; as the smallest norm it would stop all others. */
  @ParameterizedTest
  @ValueSource(strings = {"mgda", "fairgrad"})
  void aTaskWithoutAGradientDoesNotStopTheOthers(String method) {
    Resolution resolution = resolve(method, Map.of(), ZERO_GRADIENT);

    assertThat(resolution.weights()[0]).isEqualTo(1, offset(1e-9));
    assertThat(resolution.weights()[1]).isZero();
  }

  @Test
  void gradnormLeavesTheScaleOfATaskWithoutAGradientAlone() {
    Resolver resolver = Resolvers.create(Section.of("gradnorm", Map.of()));
    MethodState state = resolver.initialState(3);
    double[][] gram = {{1, 0, 0}, {0, 4, 0}, {0, 0, 0}};
    Resolution last = null;
    for (int k = 0; k < 400; k++) {
      last =
          resolver.resolve(
              new RoundStatistics(k, 3, gram, new double[3][3], new double[] {1, 1, 1}, 0), state);
      state = last.state();
    }
    assertThat(last).isNotNull();
    assertThat(requireNonNull(last.fallback()).reason()).contains("without a gradient");
    double[] weights = last.weights();
    assertThat(weights[2]).isBetween(0.5, 1.5);
    // The two others are balanced: w_0 * 1 = w_1 * 2, up to a step of the optimizer.
    assertThat(weights[0] / weights[1]).isEqualTo(2, offset(0.3));
  }

  @Test
  void aFinishedTaskDoesNotStopTheOthersInFamo() {
    Resolver resolver = Resolvers.create(Section.of("famo", Map.of()));
    MethodState state = resolver.initialState(2);
    Resolution last = null;
    for (int k = 0; k < 50; k++) {
      last = resolver.resolve(withLosses(k, 0, 1), state);
      state = last.state();
    }
    assertThat(last).isNotNull();
    assertThat(requireNonNull(last.fallback()).reason()).contains("at or below its minimum");
    assertThat(last.weights()[1]).isBetween(0.3, 0.7);
    assertThat(DoubleVectors.sum(last.weights())).isEqualTo(1, offset(1e-12));
  }

  @ParameterizedTest
  @CsvSource({"uw, adam", "uw, sgd"})
  void aLossThatIsNotPositiveDoesNotDriveALearnedWeightToInfinity(String method, String rule) {
    Resolver resolver = Resolvers.create(Section.of(method, Map.of("scale-optimizer", rule)));
    MethodState state = resolver.initialState(2);
    double start = resolver.resolve(withLosses(0, -1, 1), state).weights()[0];
    Resolution last = null;
    for (int k = 0; k < 400; k++) {
      last = resolver.resolve(withLosses(k, -1, 1), state);
      state = last.state();
    }
    assertThat(last).isNotNull();
    assertThat(requireNonNull(last.fallback()).reason()).contains("keeps its weight");
    assertThat(last.weights()[0]).isEqualTo(start, offset(1e-12));
  }

  @Test
  void anEnormousLossLeavesALearnedWeightItsBoundFromWhichItReturns() {
    Map<String, ?> sgd = Map.of("scale-optimizer", "sgd", "scale-learning-rate", 0.1);
    Resolver resolver = Resolvers.create(Section.of("uw", sgd));
    MethodState state = resolver.resolve(withLosses(0, 1e6, 1), resolver.initialState(2)).state();
    Resolution bounded = resolver.resolve(withLosses(1, 1, 1), state);
    assertThat(requireNonNull(bounded.fallback()).reason()).contains("at its bound");
    assertThat(requireNonNull(bounded.fallback()).code()).isEqualTo(Fallback.Code.BOUNDED);
    for (int k = 2; k < 400; k++) {
      state = resolver.resolve(withLosses(k, 1, 1), state).state();
    }
    assertThat(resolver.resolve(withLosses(400, 1, 1), state).weights()[0])
        .isEqualTo(0.5, offset(0.01));
  }

  @Test
  void numbersThatOverflowEndInThePlainSumAndLeaveTheStateAlone() {
    Resolver resolver = Resolvers.create(Section.of("si", Map.of()));
    MethodState state = resolver.initialState(2);

    Resolution resolution = resolver.resolve(withLosses(1, 1e-300, 1), state);

    assertThat(resolution.weights()).containsExactly(1, 1);
    assertThat(requireNonNull(resolution.fallback()).reason()).contains("overflowed");
    assertThat(requireNonNull(resolution.fallback()).code()).isEqualTo(Fallback.Code.OVERFLOW);
    assertThat(resolution.state()).isSameAs(state);
  }

  @Test
  void anOptionWithTheWrongNumberOfTasksIsTheUsersMistake() {
    Resolver resolver =
        Resolvers.create(Section.of("upgrad", Map.of("preference", List.of(1, 2, 3))));

    assertThatThrownBy(() -> resolver.initialState(2))
        .isInstanceOf(SpecError.class)
        .hasMessageContaining("preference")
        .hasMessageContaining("3 numbers for 2 tasks");
  }

  private static Resolution resolve(
      String method, Map<String, ?> options, RoundStatistics statistics) {
    Resolver resolver = Resolvers.create(Section.of(method, options));
    return resolver.resolve(statistics, resolver.initialState(2));
  }

  private static RoundStatistics round(double[][] gram) {
    return new RoundStatistics(0, 2, gram, new double[2][2], new double[] {1, 1}, 0);
  }

  private static RoundStatistics withLosses(long round, double... losses) {
    return new RoundStatistics(
        round, 2, new double[][] {{1, 0}, {0, 1}}, new double[2][2], losses, 0);
  }
}
