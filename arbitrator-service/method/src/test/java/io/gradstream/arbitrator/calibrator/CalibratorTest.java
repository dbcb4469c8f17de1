package io.gradstream.arbitrator.calibrator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import io.gradstream.proto.spec.Section;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CalibratorTest {

  @Property(tries = 1000)
  void vargradAsPublishedChangesNothing(
      @ForAll long seed, @ForAll @DoubleRange(max = 0.99) double beta) {
    Calibrator vargrad = vargrad(Map.of("beta", beta, "gamma", 1));
    var random = new Random(seed);
    double[] memory = new double[20];
    for (int round = 0; round < 5; round++) {
      double[] gradient = gaussian(random, 20);
      double[] calibrated = gradient.clone();
      calibrate(vargrad, round, calibrated, memory);
      assertThat(calibrated).containsExactly(gradient);
    }
  }

  @Property(tries = 1000)
  void vargradIsTheRecursionOfItsPaperWithAnyGammaAndSchedule(
      @ForAll long seed,
      @ForAll @DoubleRange(max = 0.95) double beta,
      @ForAll @DoubleRange(max = 0.95) double finalBeta,
      @ForAll @DoubleRange(max = 1) double gamma) {
    Calibrator vargrad =
        vargrad(Map.of("beta", beta, "gamma", gamma, "final-beta", finalBeta, "beta-rounds", 4));
    var random = new Random(seed);
    double[] memory = new double[10];
    double[] m = new double[10];
    double[] previous = new double[10];
    for (int round = 0; round < 8; round++) {
      double[] gradient = gaussian(random, 10);
      double now = beta + (finalBeta - beta) * Math.min(1, round / 4.0);
      for (int d = 0; d < m.length; d++) {
        double difference = gradient[d] - previous[d];
        double corrected = gradient[d] + gamma * now / (1 - now) * difference;
        m[d] = now * m[d] + (1 - now) * corrected;
      }
      previous = gradient.clone();
      calibrate(vargrad, round, gradient, memory);
      assertThat(gradient).containsExactly(m, offset(1e-12));
    }
  }

  /** The recursion as published, but with m and the previous gradient begun at the first one. */
  @Property(tries = 1000)
  void vargradFromTheFirstGradientIsTheRecursionFromThere(
      @ForAll long seed,
      @ForAll @DoubleRange(max = 0.95) double beta,
      @ForAll @DoubleRange(max = 1) double gamma) {
    Calibrator vargrad = vargrad(Map.of("beta", beta, "gamma", gamma, "start", "first-gradient"));
    var random = new Random(seed);
    double[] memory = new double[10];
    double[] m = new double[0];
    double[] previous = new double[0];
    for (int round = 0; round < 8; round++) {
      double[] gradient = gaussian(random, 10);
      if (round == 0) {
        m = gradient.clone();
      }
      for (int d = 0; round > 0 && d < m.length; d++) {
        double difference = gradient[d] - previous[d];
        double corrected = gradient[d] + gamma * beta / (1 - beta) * difference;
        m[d] = beta * m[d] + (1 - beta) * corrected;
      }
      previous = gradient.clone();
      calibrate(vargrad, round, gradient, memory);
      assertThat(gradient).containsExactly(m, offset(1e-12));
    }
  }

  /** No other beta brings the calibrated gradient nearer to the true one, as far as is known. */
  @Property(tries = 1000)
  void theOptimalBetaHasTheSmallestExpectedDistance(
      @ForAll long seed,
      @ForAll @DoubleRange(max = 0.99) double gamma,
      @ForAll @DoubleRange(max = 50) double variance) {
    Calibrator vargrad = vargrad(Map.of("beta", 0.9, "gamma", gamma, "beta-schedule", "optimal"));
    var random = new Random(seed);
    double[] gradient = gaussian(random, 10);
    double[] memory = gaussian(random, 10);
    double norm = Math.sqrt(dot(gradient, gradient));

    Calibration numbers =
        vargrad.calibrate(
            new RowNumbers(
                3,
                new double[] {norm},
                new double[1],
                new double[] {dot(gradient, memory)},
                new double[] {dot(memory, memory)},
                new double[] {variance}));

    double chosen = numbers.keep()[0];
    assertThat(numbers.take()[0]).isEqualTo((1 - chosen) * (1 - gamma));
    assertThat(chosen).isBetween(0.0, 0.9);
    for (double other = 0; other <= 0.9; other += 0.05) {
      assertThat(distance(chosen, gamma, gradient, memory, variance))
          .isLessThanOrEqualTo(distance(other, gamma, gradient, memory, variance) + 1e-9);
    }
  }

  /** E|m - true|^2, where m = g - beta ((1 - gamma) g - s) and g has the given variance. */
  private static double distance(
      double beta, double gamma, double[] gradient, double[] memory, double variance) {
    double squared = 0;
    for (int d = 0; d < gradient.length; d++) {
      double difference = (1 - gamma) * gradient[d] - memory[d];
      squared += difference * difference;
    }
    return variance - 2 * beta * (1 - gamma) * variance + beta * beta * squared;
  }

  @Test
  void withoutNoiseTheOptimalBetaLetsGradientsPass() {
    Calibrator vargrad = vargrad(Map.of("gamma", 0.0, "beta-schedule", "optimal"));
    double[] one = {3};
    double[] none = {0};

    Calibration numbers = vargrad.calibrate(new RowNumbers(0, one, one, none, none, none));

    assertThat(numbers.ofGradient(0)).isEqualTo(1);
    assertThat(numbers.ofMemory(0)).isZero();
  }

  /** The published recursion's average part, over the sum of its weights; written out as a sum. */
  @Property(tries = 1000)
  void vargradWithoutBiasIsAWeightedMeanOfTheGradientsSoFar(
      @ForAll long seed,
      @ForAll @DoubleRange(max = 0.95) double beta,
      @ForAll @DoubleRange(max = 0.95) double finalBeta,
      @ForAll @DoubleRange(max = 1) double gamma) {
    Calibrator vargrad =
        vargrad(
            Map.of(
                "beta",
                beta,
                "gamma",
                gamma,
                "start",
                "bias-corrected",
                "final-beta",
                finalBeta,
                "beta-rounds",
                4));
    var random = new Random(seed);
    double[] memory = new double[10];
    double[][] gradients = new double[8][];
    for (int round = 0; round < 8; round++) {
      gradients[round] = gaussian(random, 10);
      double[] expected = new double[10];
      double weights = 0;
      for (int k = 0; k <= round; k++) {
        double weight = 1 - betaAt(beta, finalBeta, k);
        for (int later = k + 1; later <= round; later++) {
          weight *= betaAt(beta, finalBeta, later);
        }
        weights += weight;
        for (int d = 0; d < 10; d++) {
          expected[d] += weight * gradients[k][d];
        }
      }
      for (int d = 0; d < 10; d++) {
        expected[d] = gamma * gradients[round][d] + (1 - gamma) * expected[d] / weights;
      }
      double[] calibrated = gradients[round].clone();
      calibrate(vargrad, round, calibrated, memory);
      assertThat(calibrated).containsExactly(expected, offset(1e-10));
    }
  }

  private static double betaAt(double beta, double finalBeta, int round) {
    return beta + (finalBeta - beta) * Math.min(1, round / 4.0);
  }

  @ParameterizedTest
  @CsvSource({"zero, 0.1225", "first-gradient, 1", "bias-corrected, 1"})
  void vargradsStartDecidesTheLengthOfTheFirstGradient(String start, double share) {
    double[] gradient = {1, -2};
    calibrate(vargrad(Map.of("start", start)), 0, gradient, new double[2]);

    assertThat(gradient).containsExactly(new double[] {share, -2 * share}, offset(1e-12));
  }

  /** Half way from 0.5 to 0.98; 1 - beta falls from 0.5 to 0.02, whose geometric mean is 0.1. */
  @ParameterizedTest
  @CsvSource({
    "linear, 0, 0.5", "linear, 1, 0.62", "linear, 2, 0.74", "linear, 9, 0.98",
    "cosine, 0, 0.5", "cosine, 1, 0.5702943725152286", "cosine, 2, 0.74", "cosine, 9, 0.98",
    "exponential, 0, 0.5", "exponential, 2, 0.9", "exponential, 9, 0.98"
  })
  void vargradsBetaMovesAsItsScheduleSays(String schedule, long round, double beta) {
    Calibrator vargrad =
        vargrad(
            Map.of("beta", 0.5, "final-beta", 0.98, "beta-rounds", 4, "beta-schedule", schedule));

    assertThat(vargrad.calibrate(round, new double[1], new double[1]).keep()[0])
        .isEqualTo(beta, offset(1e-12));
  }

  /** y = y - beta / sqrt(t) (y - g): of the gradient itself, whatever its norm and loss. */
  @Test
  void mocoAveragesRawGradientsWhereAskedAndNeedsNoNormsForThat() {
    Calibrator moco = Calibrators.create(Section.of("moco", Map.of("gradients", "raw")));
    assertThat(moco.needsNorms()).isFalse();
    var random = new Random(1);
    double[] memory = new double[6];
    double[] y = new double[6];
    for (int round = 0; round < 5; round++) {
      double[] gradient = gaussian(random, 6);
      for (int d = 0; d < 6; d++) {
        y[d] -= 0.5 / Math.sqrt(round + 1.0) * (y[d] - gradient[d]);
      }
      calibrate(moco, round, gradient, memory);
      assertThat(gradient).containsExactly(y, offset(1e-12));
    }
  }

  @Property(tries = 1000)
  void innerProductsOfCalibratedGradientsFollowFromTheJointOnes(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 6) int tasks) {
    var random = new Random(seed);
    double[][] joint = new double[2 * tasks][];
    double[] losses = new double[tasks];
    double[] norms = new double[tasks];
    for (int i = 0; i < joint.length; i++) {
      joint[i] = gaussian(random, 30);
    }
    for (int i = 0; i < tasks; i++) {
      losses[i] = random.nextDouble();
      norms[i] = Math.sqrt(dot(joint[i], joint[i]));
    }
    Calibration calibration =
        Calibrators.create(Section.of("moco", Map.of())).calibrate(3, norms, losses);

    double[][] fromProducts = calibration.gram(products(joint));

    double[][] calibrated = new double[tasks][];
    for (int i = 0; i < tasks; i++) {
      calibrated[i] = joint[i].clone();
      calibration.apply(i, calibrated[i], joint[tasks + i].clone());
    }
    double[][] fromVectors = products(calibrated);
    for (int i = 0; i < tasks; i++) {
      assertThat(fromProducts[i]).containsExactly(fromVectors[i], offset(1e-12));
    }
  }

  private static Calibrator vargrad(Map<String, ?> options) {
    return Calibrators.create(Section.of("vargrad", options));
  }

  private static void calibrate(
      Calibrator calibrator, long round, double[] gradient, double[] memory) {
    calibrator.calibrate(round, new double[1], new double[1]).apply(0, gradient, memory);
  }

  private static double[][] products(double[][] rows) {
    double[][] products = new double[rows.length][rows.length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < rows.length; j++) {
        products[i][j] = dot(rows[i], rows[j]);
      }
    }
    return products;
  }

  private static double dot(double[] x, double[] y) {
    double sum = 0;
    for (int d = 0; d < x.length; d++) {
      sum += x[d] * y[d];
    }
    return sum;
  }

  private static double[] gaussian(Random random, int size) {
    double[] gaussian = new double[size];
    for (int d = 0; d < size; d++) {
      gaussian[d] = random.nextGaussian();
    }
    return gaussian;
  }
}
