package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.spec.Section;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class GradDropTest {

  @Provide
  Arbitrary<RandomRound> any() {
    return RandomRound.any();
  }

  @Property(tries = 1000)
  void howTheVectorIsCutDoesNotMatter(@ForAll("any") RandomRound round, @ForAll long seed) {
    ElementwiseResolver method = create(Map.of());
    int size = round.gradients()[0].length;
    double[] whole = new double[size];
    method.combine(seed, 4, 100, round.gradients(), whole);

    int cut = size / 3;
    double[] head = new double[cut];
    double[] tail = new double[size - cut];
    method.combine(seed, 4, 100, piece(round.gradients(), 0, cut), head);
    method.combine(seed, 4, 100 + cut, piece(round.gradients(), cut, size), tail);

    assertThat(head).containsExactly(Arrays.copyOf(whole, cut));
    assertThat(tail).containsExactly(Arrays.copyOfRange(whole, cut, size));
  }

  @Property(tries = 1000)
  void anElementIsTheSumOfItsPositiveOrOfItsNegativeValues(@ForAll("any") RandomRound round) {
    double[] update = new double[round.gradients()[0].length];
    create(Map.of()).combine(1, 2, 0, round.gradients(), update);

    for (int d = 0; d < update.length; d++) {
      double positive = 0;
      double negative = 0;
      for (double[] gradient : round.gradients()) {
        positive += Math.max(gradient[d], 0);
        negative += Math.min(gradient[d], 0);
      }
      assertThat(update[d]).isIn(positive, negative);
    }
  }

  @Test
  void aFullLeakGivesTheSum() {
    var round = RandomRound.draw(3, 50, RandomRound.Kind.PLAIN, 0, 1);
    double[] update = new double[50];

    create(Map.of("leak", List.of(1, 1, 1))).combine(1, 2, 0, round.gradients(), update);

    assertThat(update).containsExactly(round.combine(new double[] {1, 1, 1}));
  }

  private static ElementwiseResolver create(Map<String, ?> options) {
    return (ElementwiseResolver) Resolvers.create(Section.of("graddrop", options));
  }

  private static double[][] piece(double[][] gradients, int from, int to) {
    return Arrays.stream(gradients)
        .map(gradient -> Arrays.copyOfRange(gradient, from, to))
        .toArray(double[][]::new);
  }
}
