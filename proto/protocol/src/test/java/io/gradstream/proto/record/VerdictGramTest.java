package io.gradstream.proto.record;

import static org.assertj.core.api.Assertions.assertThat;

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

  private static Verdict verdict(List<Double> gram) {
    return Verdict.newBuilder().addAllGram(gram).build();
  }
}
