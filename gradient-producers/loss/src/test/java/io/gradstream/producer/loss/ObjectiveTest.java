package io.gradstream.producer.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ObjectiveTest {
  private static final double STEP = 1e-6;

  @Property
  void landscapesGradientIsItsSlope(
      @ForAll @IntRange(max = 1) int index,
      @ForAll @DoubleRange(min = -10, max = 10) double x1,
      @ForAll @DoubleRange(min = -10, max = 10) double x2) {
    // The logarithm has a pole along a curve and the blend a kink at 0; slopes are for other
    // places.
    double pole =
        index == 0 ? 0.5 * (-x1 - 7) + Math.tanh(x2) : 0.5 * (-x1 + 3) - Math.tanh(x2) + 2;
    assumeThat(Math.abs(pole)).isGreaterThan(1e-2);
    assumeThat(Math.abs(x2)).isGreaterThan(1e-3);
    gradientIsSlope(new Landscape(index), new double[] {x1, x2});
  }

  @Property(tries = 200)
  void quadraticsGradientIsItsSlope(
      @ForAll long seed,
      @ForAll @IntRange(max = 50) int index,
      @ForAll @IntRange(min = 1, max = 30) int dimension) {
    var point = new double[dimension];
    for (int d = 0; d < dimension; d++) {
      point[d] = Math.sin(d + index);
    }
    gradientIsSlope(new Quadratic(seed, index, dimension, 100), point);
  }

  @Test
  void bowlsAreDeepestWhereThePaperDrawsThem() {
    var gradient = new double[2];
    assertThat(new Landscape(0).evaluate(new double[] {7, -8.04}, gradient))
        .isCloseTo(-20, within(0.02));
    assertThat(new Landscape(1).evaluate(new double[] {-7, -8.04}, gradient))
        .isCloseTo(-20, within(0.02));
    double first = new Landscape(0).evaluate(new double[] {0, -8.04}, gradient);
    double second = new Landscape(1).evaluate(new double[] {0, -8.04}, gradient);
    // The compromise that conflict-averse methods reach from every start.
    assertThat((first + second) / 2).isCloseTo(-15.09, within(0.01));
  }

  @Test
  void quadraticsOfTwoIndicesHaveMinimaOfTheirOwn() {
    var one = new double[4];
    var two = new double[4];
    new Quadratic(1, 0, 4, 10).evaluate(new double[4], one);
    new Quadratic(1, 1, 4, 10).evaluate(new double[4], two);
    assertThat(one).isNotEqualTo(two);
  }

  private static void gradientIsSlope(Objective objective, double[] point) {
    var gradient = new double[point.length];
    objective.evaluate(point, gradient);
    var ignored = new double[point.length];
    for (int d = 0; d < point.length; d++) {
      double here = point[d];
      point[d] = here + STEP;
      double above = objective.evaluate(point, ignored);
      point[d] = here - STEP;
      double below = objective.evaluate(point, ignored);
      point[d] = here;
      double slope = (above - below) / (2 * STEP);
      assertThat(gradient[d]).isCloseTo(slope, within(1e-5 * Math.max(1, Math.abs(slope))));
    }
  }
}
