package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Section;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.hipparchus.linear.Array2DRowRealMatrix;
import org.hipparchus.linear.SingularValueDecomposition;

/**
 * The answers from inner products against each method's own definition on the vectors: its
 * algorithm where it has one, else the conditions that only its solution meets.
 */
class VectorAgreementTest {

  @Provide
  Arbitrary<RandomRound> any() {
    return RandomRound.any();
  }

  @Provide
  Arbitrary<RandomRound> independent() {
    return RandomRound.independent();
  }

  @Provide
  Arbitrary<Double> alphas() {
    return Arbitraries.of(0.2, 0.5, 1.0, 2.0, 10.0);
  }

  @Property(tries = 2000)
  void pcgradProjectsTheVectors(@ForAll("independent") RandomRound round) {
    double[] expected = new double[round.gradients()[0].length];
    int[][] orders = new SeededRandomSource().visitingOrders(round.statistics());
    for (int task = 0; task < round.tasks(); task++) {
      double[] projected = round.gradients()[task].clone();
      for (int other : orders[task]) {
        double[] gradient = round.gradients()[other];
        double product = DoubleVectors.dot(projected, gradient);
        if (other != task && product < 0) {
          add(projected, -product / DoubleVectors.dot(gradient, gradient), gradient);
        }
      }
      add(expected, 1, projected);
    }

    assertUpdate(round, resolve("pcgrad", Map.of(), round), expected, 1e-9);
  }

  /** The gradient that leads on depends on those that carry the point already. */
  @Example
  void mgdaFindsThePointWhereTheWayThereLeadsAlongADependentGradient() {
    mgdaFindsThePointOfTheHullNearestToZero(
        RandomRound.draw(11, 3, RandomRound.Kind.OPPOSITE, 6, 1322467208254721203L));
  }

  @Property(tries = 4000)
  void mgdaFindsThePointOfTheHullNearestToZero(@ForAll("any") RandomRound round) {
    if (DoubleVectors.sum(round.statistics().norms()) == 0) {
      return;
    }
    double[] weights = resolve("mgda", Map.of(), round);
    double[] update = round.combine(weights);
    double squared = DoubleVectors.dot(update, update);

    assertThat(DoubleVectors.sum(weights)).isBetween(1 - 1e-12, 1 + 1e-12);
    for (int i = 0; i < round.tasks(); i++) {
      assertThat(weights[i]).isNotNegative();
      // A task without a gradient is left out of the hull.
      if (round.cancels(update, weights) || norm(round.gradients()[i]) == 0) {
        continue;
      }
      double[] gradient = round.gradients()[i];
      double rounding = 1e-12 * norm(gradient) * round.size(weights);
      assertThat(DoubleVectors.dot(gradient, update)).isGreaterThanOrEqualTo(squared - rounding);
    }
  }

  @Property(tries = 1500)
  void cagradMeetsTheConditionsOfItsDual(@ForAll("independent") RandomRound round) {
    Resolver resolver = Resolvers.create(Section.of("cagrad", Map.of("c", 0.4)));
    Resolution resolution = resolver.resolve(round.statistics(), MethodState.EMPTY);
    double[] x = resolution.details().getOrDefault("simplex-weights", new double[0]);
    double[] mean = round.combine(DoubleVectors.filled(round.tasks(), 1.0 / round.tasks()));
    double radius = 0.4 * Math.sqrt(DoubleVectors.dot(mean, mean) + 1e-8) + 1e-8;
    double[] worst = round.combine(x);
    double root = Math.sqrt(DoubleVectors.dot(worst, worst) + 1e-8);

    // Slopes of the dual: no vertex of the simplex lies lower than those that are used.
    double used = DoubleVectors.dot(worst, mean) + radius * DoubleVectors.dot(worst, worst) / root;
    for (int i = 0; i < round.tasks(); i++) {
      double[] gradient = round.gradients()[i];
      double slope =
          DoubleVectors.dot(gradient, mean) + radius * DoubleVectors.dot(gradient, worst) / root;
      double size = norm(gradient) * (norm(mean) + radius) + round.size(x) * norm(mean);
      assertThat(slope - used).as("task %s", i).isGreaterThanOrEqualTo(-1e-9 * size);
    }
  }

  @Property(tries = 3000)
  void fairgradSatisfiesItsEquation(
      @ForAll("independent") RandomRound round, @ForAll("alphas") double alpha) {
    double[] weights = resolve("fairgrad", Map.of("alpha", alpha), round);
    double[] update = round.combine(weights);

    for (int i = 0; i < round.tasks(); i++) {
      double[] gradient = round.gradients()[i];
      double goal = Math.pow(weights[i], -1 / alpha);
      double rounding = 1e-9 * (goal + norm(gradient) * round.size(weights));
      assertThat(DoubleVectors.dot(gradient, update)).isBetween(goal - rounding, goal + rounding);
    }
  }

  /** On the way to the weights the objective passes zero, where its terms are not small. */
  @Example
  void fairgradFindsTheWeightsWhereItsObjectiveIsNearZero() {
    double[][] gram = {
      {70.19543734227229, -2.7580362001455723, 27.798425979522296, -3.311183961260353},
      {-2.7580362001455723, 2.639963726216786, -5.944549347899728, 0.12075289967350958},
      {27.798425979522296, -5.944549347899728, 89.51250821839471, -2.9582164672423064},
      {-3.311183961260353, 0.12075289967350958, -2.9582164672423064, 0.6797384521684188}
    };
    var round = new RoundStatistics(0, 4, gram, new double[4][4], DoubleVectors.filled(4, 1), 7);

    double[] weights =
        Resolvers.create(Section.of("fairgrad", Map.of("alpha", 0.5)))
            .resolve(round, MethodState.EMPTY)
            .weights();

    for (int i = 0; i < weights.length; i++) {
      double goal = Math.pow(weights[i], -2);
      assertThat(DoubleVectors.dot(gram[i], weights))
          .isBetween(goal * (1 - 1e-9), goal * (1 + 1e-9));
    }
  }

  @Property(tries = 2000)
  void imtlgProjectsAlikeOnAllDirections(@ForAll("independent") RandomRound round) {
    double[] weights = resolve("imtl-g", Map.of(), round);
    double[] update = round.combine(weights);

    assertThat(DoubleVectors.sum(weights)).isBetween(1 - 1e-6, 1 + 1e-6);
    double first = DoubleVectors.dot(update, round.gradients()[0]) / norm(round.gradients()[0]);
    for (double[] gradient : round.gradients()) {
      double rounding = 1e-9 * round.size(weights);
      assertThat(DoubleVectors.dot(update, gradient) / norm(gradient))
          .isBetween(first - rounding, first + rounding);
    }
  }

  @Property(tries = 500)
  void alignedMtlCombinesTheSingularVectors(@ForAll("independent") RandomRound round) {
    // A = U S V'; the aligned gradients are smin U V', and the update is their sum.
    var svd = new SingularValueDecomposition(new Array2DRowRealMatrix(round.gradients()));
    double[] values = svd.getSingularValues();
    if (values[values.length - 1] < 1e-4 * values[0]) {
      return; // squared in the Gram matrix, such a spread leaves too few digits to compare
    }
    double[] ones = DoubleVectors.filled(round.tasks(), values[values.length - 1]);
    double[] expected = svd.getVT().transpose().operate(svd.getUT().operate(ones));

    assertUpdate(round, resolve("aligned-mtl", Map.of(), round), expected, 1e-5);
  }

  @Property(tries = 2000)
  void dualprojIsTheNearestUpdateInTheDualCone(@ForAll("independent") RandomRound round) {
    Map<String, Object> options = Map.of("norm-eps", 0.0, "reg-eps", 1e-9);
    double[] v = resolve("dualproj", options, round);
    double[] update = round.combine(v);
    double trace = Matrices.trace(round.gram());

    for (int i = 0; i < round.tasks(); i++) {
      double added = v[i] - 1.0 / round.tasks();
      double slack = DoubleVectors.dot(round.gradients()[i], update) / trace + 1e-9 * v[i];
      double size = Matrices.trace(round.gram()) / trace * norm(v);
      assertThat(added).isGreaterThanOrEqualTo(-1e-12);
      assertThat(slack).isGreaterThanOrEqualTo(-1e-12 * size);
      assertThat(added * slack).as("complementary").isLessThanOrEqualTo(1e-9 * size * size);
    }
  }

  private static double[] resolve(String method, Map<String, ?> options, RandomRound round) {
    Resolver resolver = Resolvers.create(Section.of(method, options));
    return resolver.resolve(round.statistics(), resolver.initialState(round.tasks())).weights();
  }

  private static void assertUpdate(
      RandomRound round, double[] weights, double[] expected, double tolerance) {
    double[] difference = round.combine(weights);
    add(difference, -1, expected);
    assertThat(norm(difference)).isLessThanOrEqualTo(tolerance * round.size(weights));
  }

  private static double norm(double[] x) {
    return Math.sqrt(DoubleVectors.dot(x, x));
  }

  private static void add(double[] sum, double factor, double[] x) {
    for (int d = 0; d < sum.length; d++) {
      sum[d] += factor * x[d];
    }
  }
}
