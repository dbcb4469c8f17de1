package io.gradstream.proto.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.proto.message.Verdict;
import java.util.List;
import org.junit.jupiter.api.Test;

class VerdictGramTest {
  @Test
  void cosinesFollowFromInnerProducts() {
    final VerdictGram gram = VerdictGram.of(verdict(List.of(4.0, -3.0, -3.0, 9.0))).orElseThrow();

    assertThat(gram.tasks()).isEqualTo(2);
    assertThat(gram.norm(1)).isEqualTo(3);
    assertThat(gram.cosine(0, 1)).hasValue(-0.5);
  }

  @Test
  void nothingHasAnAngleWithAGradientThatVanishes() {
    final VerdictGram gram = VerdictGram.of(verdict(List.of(0.0, 0.0, 0.0, 9.0))).orElseThrow();

    assertThat(gram.cosine(0, 1)).isEmpty();
  }

  @Test
  void whatIsNoSquareIsNoGramMatrix() {
    assertThat(VerdictGram.of(verdict(List.of()))).isEmpty();
    assertThat(VerdictGram.of(verdict(List.of(1.0, 2.0, 3.0)))).isEmpty();
  }

  @Test
  void aTasksGradientIsTheMeanOverTheSlotsOfItsGroups() {
    // Task 0: (1, 0) of two slots, (4, 3) of one. Task 1: (0, 1) and (2, 0).
    final double[][] rows = {{1, 0}, {4, 3}, {0, 1}, {2, 0}};
    final var grouped = Verdict.newBuilder().addGroupSlots(2).addGroupSlots(1);
    for (final double[] row : rows) {
      for (final double[] column : rows) {
        grouped.addGram(row[0] * column[0] + row[1] * column[1]);
      }
    }
    grouped.addAllWeights(List.of(0.5, 0.25, 1.0, 2.0));
    final VerdictGram gram = VerdictGram.of(grouped.build()).orElseThrow();

    // The means are (2, 1) and (2/3, 2/3).
    assertThat(gram.tasks()).isEqualTo(2);
    assertThat(gram.rows()).isEqualTo(4);
    assertThat(gram.product(0, 0)).isCloseTo(5, within(1e-12));
    assertThat(gram.product(0, 1)).isCloseTo(2, within(1e-12));
    assertThat(gram.withRow(1, 1)).isCloseTo(14 / 3.0, within(1e-12));
    assertThat(gram.ofGroup(1, 0, 1)).isEqualTo(8);
    assertThat(VerdictGram.weights(grouped.build())).containsExactly(0.75, 3.0);
  }

  @Test
  void groupsThatDoNotFitTheMatrixAreNone() {
    final var odd = Verdict.newBuilder().addAllGram(List.of(1.0, 0.0, 0.0, 1.0));

    assertThat(VerdictGram.of(odd.addGroupSlots(1).addGroupSlots(0).build())).isEmpty();
    assertThat(VerdictGram.of(odd.setGroupSlots(1, 1).addGroupSlots(1).build())).isEmpty();
  }

  private static Verdict verdict(List<Double> gram) {
    return Verdict.newBuilder().addAllGram(gram).build();
  }
}
