package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.SpecError;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What methods do where their own problem has no solution, and that they say so. */
class FallbackTest {
  private static final RoundStatistics ZERO_GRADIENT = round(new double[][] {{1, 0}, {0, 0}});
  private static final RoundStatistics OPPOSITE = round(new double[][] {{1, -1}, {-1, 1}});

  @ParameterizedTest
  @CsvSource({"fairgrad, cancel", "nash-mtl, previous weights", "imtl-g, pseudo-inverse"})
  void aZeroGradientIsReported(String method, String reason) {
    assertThat(resolve(method, Map.of(), ZERO_GRADIENT).fallback()).contains(reason);
  }

  @ParameterizedTest
  @CsvSource({"fairgrad, cancel", "nash-mtl, previous weights", "imtl-g, same projection"})
  void gradientsThatCancelAreReported(String method, String reason) {
    assertThat(resolve(method, Map.of(), OPPOSITE).fallback()).contains(reason);
  }

  @Test
  void fairgradStandsStillWhereGradientsCancel() {
    assertThat(resolve("fairgrad", Map.of(), OPPOSITE).weights()).containsExactly(0.5, 0.5);
  }

  @Test
  void mgdaLeavesAZeroGradientOutOfTheNormalisedHull() {
    Resolution resolution = resolve("mgda", Map.of("normalization", "l2"), ZERO_GRADIENT);

    assertThat(resolution.weights()).containsExactly(1, 0);
    assertThat(resolution.fallback()).contains("left out");
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
    assertThat(last.fallback()).contains("not positive");
    assertThat(DoubleVectors.finite(last.weights())).isTrue();
  }

  @Test
  void numbersThatOverflowEndInThePlainSumAndLeaveTheStateAlone() {
    // A loss that grows without bound drives the log-variances to where exp(-s) overflows.
    Resolver resolver =
        Resolvers.create(
            Section.of("uw", Map.of("scale-optimizer", "sgd", "scale-learning-rate", 1e6)));
    MethodState state = resolver.initialState(2);
    state = resolver.resolve(withLosses(0, -1e6, 1), state).state();

    Resolution resolution = resolver.resolve(withLosses(1, 1, 1), state);

    assertThat(resolution.weights()).containsExactly(1, 1);
    assertThat(resolution.fallback()).contains("overflowed");
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
