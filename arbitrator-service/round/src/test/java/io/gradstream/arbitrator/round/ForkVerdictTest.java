package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class ForkVerdictTest {
  private static final Verdict LAST = last();

  private static Verdict last() {
    final var verdict =
        Verdict.newBuilder().setRound(6).setNonce(99).setStatisticsOffset(41).addLosses(1.5);
    VerdictStates.putResolver(verdict, MethodState.EMPTY.with("ring", 1, 2, 3, 4, 5, 6, 7, 8));
    VerdictStates.putSelection(verdict, MethodState.EMPTY.with("logits", 0.5));
    return verdict.build();
  }

  @Test
  void theSameMethodKeepsItsState() {
    final RunSpec spec = spec("{method: dwa, mode: window, window: 2}");

    assertThat(ForkVerdict.verdict(LAST, spec, spec))
        .isEqualTo(LAST.toBuilder().setStatisticsOffset(0).build());
  }

  @Test
  void anotherMethodBeginsWithItsOwnAndKeepsTheSelections() {
    final Verdict first =
        ForkVerdict.verdict(LAST, spec("{method: dwa, mode: window, window: 2}"), spec("nash-mtl"));

    assertThat(VerdictStates.resolver(first).values()).doesNotContainKey("ring").isNotEmpty();
    assertThat(VerdictStates.selection(first).get("logits")).containsExactly(0.5);
    assertThat(first.getNonce()).isEqualTo(99);
  }

  @Test
  void optionsThatGiveTheStateAnotherShapeBeginItAnew() {
    final Verdict first =
        ForkVerdict.verdict(
            LAST,
            spec("{method: dwa, mode: window, window: 2}"),
            spec("{method: dwa, mode: window, window: 3}"));

    assertThat(VerdictStates.resolver(first).get("ring")).hasSize(12).containsOnly(1);
  }

  private static RunSpec spec(String resolver) {
    return RunSpec.parse(
        """
        run: any
        rounds: 10
        tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
        model: toy
        resolver: %s
        optimizer: {type: sgd, learning-rate: 0.1}
        """
            .formatted(resolver),
        "test",
        List.of());
  }
}
