package io.gradstream.arbitrator.resolver;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Section;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Options that give a method as its paper has it, where public code does something else. */
class PaperVariantsTest {
  private static final Map<String, ?> MOCO = Map.of("simplex", "projection");
  private static final Map<String, ?> GRADNORM =
      Map.of("weights", "renormalised", "scale-optimizer", "sgd", "scale-learning-rate", 0.01);

  /**
   * The projection's condition: moved - lambda is the same number for all tasks of positive weight,
   * and no larger for the others.
   */
  @Property(tries = 1000)
  void mocosLambdaIsTheNearestPointOfTheSimplex(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 8) int tasks) {
    var random = new Random(seed);
    double[][] rows = new double[tasks][5];
    for (double[] row : rows) {
      double size = StrictMath.pow(10, random.nextInt(3) - 1);
      Arrays.setAll(row, d -> size * random.nextGaussian());
    }
    double[][] gram = gram(rows);
    Resolver moco = Resolvers.create(Section.of("moco", MOCO));
    MethodState state = moco.initialState(tasks);
    for (int round = 0; round < 3; round++) {
      double[] before = state.get("lambda");
      double step = 0.1 / Math.sqrt(round + 1.0);
      Resolution resolution = moco.resolve(statistics(round, gram, ones(tasks)), state);
      double[] lambda = resolution.weights();
      state = resolution.state();

      assertThat(DoubleVectors.sum(lambda)).isEqualTo(1, offset(1e-12));
      double threshold = Double.NaN;
      for (int i = 0; i < lambda.length; i++) {
        if (lambda[i] > 0) {
          threshold = before[i] - step * DoubleVectors.dot(gram[i], before) - lambda[i];
        }
      }
      for (int i = 0; i < lambda.length; i++) {
        double moved = before[i] - step * DoubleVectors.dot(gram[i], before);
        assertThat(lambda[i]).isGreaterThanOrEqualTo(0);
        if (lambda[i] > 0) {
          assertThat(moved - lambda[i]).isEqualTo(threshold, offset(1e-9));
        } else {
          assertThat(moved).isLessThanOrEqualTo(threshold + 1e-9);
        }
      }
    }
  }

  /** With a softmax it does not get there: lambda is pulled to 1/2 in every round. */
  @Test
  void mocoFindsTheSmallestNormWithTheProjectionAlone() {
    double[][] gram = {{1, 0}, {0, 4}};

    assertThat(lambdaAfter(500, gram, "projection")).isEqualTo(0.8, offset(1e-4));
    assertThat(lambdaAfter(500, gram, "softmax")).isLessThan(0.55);
  }

  private static double lambdaAfter(int rounds, double[][] gram, String simplex) {
    Resolver moco = Resolvers.create(Section.of("moco", Map.of("simplex", simplex)));
    MethodState state = moco.initialState(2);
    for (int round = 0; round < rounds; round++) {
      state = moco.resolve(statistics(round, gram, ones(2)), state).state();
    }
    return state.get("lambda")[0];
  }

  /** Eq. 1 and 2 and the renormalisation, by hand, for two tasks and one step. */
  @Test
  void gradnormStepsTheWeightsThemselvesAndRenormalisesThem() {
    Resolver gradnorm = Resolvers.create(Section.of("gradnorm", GRADNORM));
    double[][] gram = {{1, 0}, {0, 9}};
    MethodState state =
        gradnorm.resolve(statistics(0, gram, 2, 2), gradnorm.initialState(2)).state();
    // Rates 2/3 and 4/3 of the mean; mean norm 2; goals 2 (2/3)^1.5 = 1.09 and 2 (4/3)^1.5 = 3.08:
    // norms 1 and 3 are both too small, so the slopes are -1 and -3.
    Resolution step = gradnorm.resolve(statistics(1, gram, 0.5, 1), state);

    assertThat(step.weights()).containsExactly(1, 1);
    double sum = 1 + 0.01 * 1 + 1 + 0.01 * 3;
    double[] expected = {2 * 1.01 / sum, 2 * 1.03 / sum};
    assertThat(step.state().get("scales")).containsExactly(expected, offset(1e-12));
    assertThat(gradnorm.resolve(statistics(2, gram, 0.5, 1), step.state()).weights())
        .containsExactly(expected, offset(1e-12));
  }

  @Test
  void gradnormBalancesTheNorms() {
    Resolver gradnorm = Resolvers.create(Section.of("gradnorm", GRADNORM));
    double[][] gram = {{1, 0, 0}, {0, 4, 0}, {0, 0, 16}};
    MethodState state = gradnorm.initialState(3);
    double[] weights = ones(3);
    for (int round = 0; round < 1000; round++) {
      Resolution resolution = gradnorm.resolve(statistics(round, gram, 1, 1, 1), state);
      state = resolution.state();
      weights = resolution.weights();
    }
    // Equal norms and sum 3: 12/7, 6/7, 3/7, each up to a step of the optimizer.
    assertThat(weights).containsExactly(new double[] {12 / 7.0, 6 / 7.0, 3 / 7.0}, offset(0.1));
    assertThat(DoubleVectors.sum(weights)).isEqualTo(3, offset(1e-9));
  }

  @Test
  void aWeightOfGradnormThatWouldFallBelowZeroStaysPositiveAndIsReported() {
    Resolver gradnorm = Resolvers.create(Section.of("gradnorm", GRADNORM));
    double[][] gram = {{1, 0}, {0, 1e8}};
    MethodState state =
        gradnorm.resolve(statistics(0, gram, 1, 1), gradnorm.initialState(2)).state();
    Resolution resolution = gradnorm.resolve(statistics(1, gram, 1, 1), state);

    assertThat(requireNonNull(resolution.fallback()).code()).isEqualTo(Fallback.Code.BOUNDED);
    double[] next = gradnorm.resolve(statistics(2, gram, 1, 1), resolution.state()).weights();
    assertThat(next[1]).isPositive();
    assertThat(DoubleVectors.sum(next)).isEqualTo(2, offset(1e-9));
  }

  @Test
  void aTaskWithoutAGradientKeepsItsWeightInThePapersGradnorm() {
    Resolver gradnorm = Resolvers.create(Section.of("gradnorm", GRADNORM));
    double[][] gram = {{1, 0, 0}, {0, 4, 0}, {0, 0, 0}};
    MethodState state = gradnorm.initialState(3);
    double[] weights = ones(3);
    for (int round = 0; round < 300; round++) {
      Resolution resolution = gradnorm.resolve(statistics(round, gram, 1, 1, 1), state);
      state = resolution.state();
      weights = resolution.weights();
    }
    assertThat(weights).containsExactly(new double[] {4 / 3.0, 2 / 3.0, 1}, offset(0.05));
  }

  private static double[] ones(int n) {
    return DoubleVectors.filled(n, 1);
  }

  private static double[][] gram(double[][] rows) {
    double[][] gram = new double[rows.length][rows.length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < rows.length; j++) {
        gram[i][j] = DoubleVectors.dot(rows[i], rows[j]);
      }
    }
    return gram;
  }

  private static RoundStatistics statistics(long round, double[][] gram, double... losses) {
    return new RoundStatistics(
        round, losses.length, gram, new double[losses.length][losses.length], losses, 0);
  }
}
