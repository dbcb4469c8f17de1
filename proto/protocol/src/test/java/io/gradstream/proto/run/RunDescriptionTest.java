package io.gradstream.proto.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.TopicKind;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunDescriptionTest {
  private static final RunSpec SPEC =
      RunSpec.parse(
          """
          run: any
          rounds: 100
          tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
          model: toy
          resolver: sum
          optimizer: {type: sgd, learning-rate: 1.0}
          """,
          "test",
          List.of());
  private static final Manifest MANIFEST =
      Manifest.of(
          List.of("a", "b"),
          List.of(new TensorShape("w", new long[] {4}, TensorShape.SHARED)),
          4,
          1);

  @Test
  void eachTaskHasItsTopicOfAKindThatDeclaresIt() {
    final RunDescription run = RunDescription.of(SPEC, MANIFEST);

    assertThat(run.topicsOf(TopicKind.ORDERS)).containsExactly("any.orders.a", "any.orders.b");
    assertThat(run.topicsOf(TopicKind.GRADIENTS))
        .containsExactly("any.gradients.a", "any.gradients.b");
    assertThat(run.topicsOf(TopicKind.VERDICTS)).containsExactly("any.verdicts");
  }

  @Test
  void onlyAForkHasTheTopicsThatForksHave() {
    final var origin = RunRecord.Origin.newBuilder().setVersion(5).build();

    assertThat(RunDescription.of(SPEC, MANIFEST).topicsOf(TopicKind.STATE)).isEmpty();
    assertThat(RunDescription.of(SPEC, MANIFEST, origin).topicsOf(TopicKind.STATE))
        .containsExactly("any.state");
  }
}
