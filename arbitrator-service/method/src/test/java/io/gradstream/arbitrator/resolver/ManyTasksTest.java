package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Section;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Forty tasks, at tiny and at huge gradients. */
class ManyTasksTest {

  @ParameterizedTest
  @CsvSource({"1e-8, 0", "1, 0", "1e8, 0", "1, 6"})
  void mgdaIsExact(double scale, int decades) {
    var round = round(scale, decades);
    double[] weights = resolve("mgda", round);
    double[] update = round.combine(weights);
    double squared = DoubleVectors.dot(update, update);

    for (double[] gradient : round.gradients()) {
      double rounding =
          1e-11 * Math.sqrt(DoubleVectors.dot(gradient, gradient)) * round.size(weights);
      assertThat(DoubleVectors.dot(gradient, update)).isGreaterThanOrEqualTo(squared - rounding);
    }
  }

  @ParameterizedTest
  @CsvSource({"1e-8, 0", "1, 0", "1e8, 0", "1, 6"})
  void fairgradIsExact(double scale, int decades) {
    var round = round(scale, decades);
    double[] weights = resolve("fairgrad", round);
    double[] update = round.combine(weights);

    for (int i = 0; i < 40; i++) {
      double product = DoubleVectors.dot(round.gradients()[i], update) * weights[i];
      assertThat(product).isBetween(1 - 1e-8, 1 + 1e-8);
    }
  }

  @ParameterizedTest
  @CsvSource({"gcond", "pcgrad", "cagrad", "imtl-g", "nash-mtl", "aligned-mtl", "upgrad"})
  void othersAnswer(String method) {
    assertThat(DoubleVectors.finite(resolve(method, round(1, 2)))).isTrue();
  }

  private static RandomRound round(double scale, int decades) {
    return RandomRound.draw(40, 100, RandomRound.Kind.OPPOSED, decades, 11).scaled(scale);
  }

  private static double[] resolve(String method, RandomRound round) {
    Resolver resolver = Resolvers.create(Section.of(method, Map.of()));
    Resolution resolution = resolver.resolve(round.statistics(), resolver.initialState(40));
    assertThat(resolution.fallback()).isNull();
    return resolution.weights();
  }
}
