package io.gradstream.server.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class OrderPolicyTest {
  private static final int TIMEOUT_MS = 1000;

  private static final RunSpec SPEC =
      RunSpec.parse(
          """
          run: dispatched
          rounds: 3
          tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
          accumulation: {micro-batches: 2}
          model: toy
          resolver: sum
          optimizer: sgd
          orders: {timeout-ms: 1000}
          """,
          "test",
          List.of());

  private final OrderPolicy policy =
      new OrderPolicy(SPEC, OrderPolicy.NONE, RoundKind.EACH_TASK, 0, 0);

  @Test
  void aRoundIsOrderedOnceSlotBySlotWithItsNonce() {
    final List<Order> orders = policy.order(1, RoundKind.EACH_TASK, 77, 0);

    assertThat(orders).extracting(Order::getSlot).containsExactly(0, 0, 1, 1);
    assertThat(orders).extracting(Order::getTask).containsExactly(0, 1, 0, 1);
    assertThat(orders).extracting(Order::getNonce).containsOnly(77L);
    assertThat(policy.order(1, RoundKind.EACH_TASK, 77, 0)).isEmpty();
    assertThat(policy.repeat()).isEqualTo(orders);
  }

  @Test
  void theRunEndsAfterItsLastRound() {
    assertThat(policy.order(3, RoundKind.EACH_TASK, 77, 0)).isEmpty();
  }

  @Test
  void aRefusedSlotIsAskedForAtOnceButOnlyOnce() {
    policy.order(1, RoundKind.EACH_TASK, 77, 0);
    final var refused = Metric.Refused.newBuilder().setRound(1).setTask(1).setSlot(1).build();

    final Order again = policy.orderAgain(refused, 10).getFirst();

    assertThat(again.getTask()).isEqualTo(1);
    assertThat(again.getSlot()).isEqualTo(1);
    assertThat(again.getAttempt()).isEqualTo(1);
    assertThat(again.getNonce()).isEqualTo(77);
    assertThat(policy.orderAgain(refused, 20)).isEmpty();
    assertThat(policy.orderAgain(refused.toBuilder().setRound(0).build(), 30)).isEmpty();
  }

  @Test
  void aMissingSlotIsAskedForAfterTheTimeoutAndThenLessAndLessOften() {
    policy.order(1, RoundKind.EACH_TASK, 77, 0);

    assertThat(policy.orderAgain(waiting(), TIMEOUT_MS - 1)).isEmpty();
    assertThat(policy.orderAgain(waiting(), TIMEOUT_MS)).hasSize(1);
    assertThat(policy.orderAgain(waiting(), 2 * TIMEOUT_MS)).isEmpty();
    assertThat(policy.orderAgain(waiting(), 3 * TIMEOUT_MS)).hasSize(1);
    assertThat(policy.orderAgain(waiting(), 6 * TIMEOUT_MS)).isEmpty();
    assertThat(policy.orderAgain(waiting(), 7 * TIMEOUT_MS)).hasSize(1);
  }

  @Test
  void aSlotThatTheRunDoesNotHaveIsNotAskedFor() {
    policy.order(1, RoundKind.EACH_TASK, 77, 0);
    final var strange = List.of(List.of(2, 0), List.of(-1, 0), List.of(0, 2), List.of(0, -1));

    for (final List<Integer> slot : strange) {
      final var refused = Metric.Refused.newBuilder().setRound(1);
      refused.setTask(slot.getFirst()).setSlot(slot.getLast());
      final var waiting = Metric.Waiting.newBuilder().setRound(1);
      waiting.addSlotsBuilder().setTask(slot.getFirst()).setSlot(slot.getLast());

      assertThat(policy.orderAgain(refused.build(), 10)).isEmpty();
      assertThat(policy.orderAgain(waiting.build(), 10 * TIMEOUT_MS)).isEmpty();
    }
  }

  private static Metric.Waiting waiting() {
    final var waiting = Metric.Waiting.newBuilder().setRound(1);
    waiting.addSlotsBuilder().setTask(0).setSlot(1);
    return waiting.build();
  }

  @Test
  void aSlotThatCertainlyHasNoFiniteGradientIsNotAskedForAgain() {
    policy.order(1, RoundKind.EACH_TASK, 77, 0);
    policy.orderAgain(diverged(1, false), 10);
    assertThat(policy.diverged(1, 1)).isFalse();

    assertThat(policy.orderAgain(diverged(2, true), 20)).isEmpty();

    assertThat(policy.diverged(1, 1)).isTrue();
    assertThat(policy.diverged(1, 0)).isFalse();
    assertThat(policy.orderAgain(bothWait(true), 60_000))
        .extracting(Order::getSlot)
        .containsExactly(0);
    policy.order(2, RoundKind.EACH_TASK, 78, 0);
    assertThat(policy.diverged(1, 1)).isFalse();
  }

  /**
   * Who may write metrics can say that a slot has diverged, and the arbitrator's next report not.
   */
  @Test
  void aSlotThatOneRecordAloneCallsDivergedIsAskedForAgain() {
    policy.order(1, RoundKind.EACH_TASK, 77, 0);
    policy.orderAgain(diverged(2, true), 20);

    assertThat(policy.orderAgain(bothWait(false), 60_000))
        .extracting(Order::getSlot)
        .containsExactly(0, 1);
  }

  /** Each order is answered by one record a shard: more of them are one answer's shards. */
  @Test
  void aSlotThatIsNotFiniteIsAskedForAtOnceUntilThreeOrdersWereAnswered() {
    policy.order(1, RoundKind.EACH_TASK, 77, 0);
    assertThat(policy.orderAgain(diverged(1, false), 10)).hasSize(1);
    assertThat(policy.orderAgain(diverged(1, false), 11)).isEmpty();
    assertThat(policy.orderAgain(diverged(2, false), 12)).hasSize(1);
    assertThat(policy.orderAgain(diverged(3, false), 13)).isEmpty();
  }

  private static Metric.Refused diverged(int copies, boolean certain) {
    return Metric.Refused.newBuilder()
        .setRound(1)
        .setTask(1)
        .setSlot(1)
        .setWorker("a/0")
        .setDiverged(true)
        .setCopies(copies)
        .setCertain(certain)
        .build();
  }

  private static Metric.Waiting bothWait(boolean secondDiverged) {
    final var waiting = Metric.Waiting.newBuilder().setRound(1);
    waiting.addSlotsBuilder().setTask(1).setSlot(0);
    waiting.addSlotsBuilder().setTask(1).setSlot(1).setDiverged(secondDiverged);
    return waiting.build();
  }
}
