package io.gradstream.producer.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class OrderCheckTest {
  private static final RunSpec SPEC =
      RunSpec.parse(
          """
          run: any
          rounds: 10
          tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
          accumulation: {micro-batches: 3, batch-size: 1}
          model: toy
          resolver: sum
          optimizer: {type: sgd, learning-rate: 1.0}
          """,
          "test",
          List.of());

  private static final OrderCheck CHECK =
      new OrderCheck(
          RunDescription.of(
              SPEC,
              Manifest.of(
                  List.of("a", "b"),
                  List.of(new TensorShape("w", new long[] {4}, TensorShape.SHARED)),
                  1000,
                  1)));

  /** Slot 2 of task b in round 4, as the parameter server asks for it. */
  private static Order.Builder order() {
    return Order.newBuilder()
        .setRound(4)
        .setTask(1)
        .setSlot(2)
        .setMicroBatch(14)
        .setAttempt(3)
        .setWeightsVersion(4)
        .setBatchSize(1);
  }

  @Test
  void anOrderOfTheRunIsRead() throws MalformedRecordException {
    assertThat(CHECK.read(order().build().toByteArray(), 1)).isEqualTo(order().build());
  }

  @Test
  void whatTheRunCannotHaveAskedForIsRefusedWithTheReason() {
    assertRefused((byte[]) null, "an empty record");
    assertRefused("certainly no order".getBytes(StandardCharsets.UTF_8), "not an order");
    assertRefused(order().setTask(0), "an order for task 0");
    assertRefused(order().setRound(-1), "round -1, the run has 0 to 9");
    assertRefused(order().setRound(1_000_000), "round 1000000, the run has 0 to 9");
    assertRefused(order().setSlot(-1), "slot -1, the task has 0 to 2");
    assertRefused(order().setSlot(3), "slot 3, the task has 0 to 2");
    assertRefused(order().setMicroBatch(Long.MIN_VALUE), "micro-batch " + Long.MIN_VALUE);
    assertRefused(order().setMicroBatch(13), "micro-batch 13 of 1 samples, not 14 of 1");
    assertRefused(order().setBatchSize(1 << 30), "an order for other data");
    assertRefused(order().setMicroBatch(Long.MAX_VALUE), "micro-batch " + Long.MAX_VALUE);
  }

  private static void assertRefused(Order.Builder order, String reason) {
    assertRefused(order.build().toByteArray(), reason);
  }

  private static void assertRefused(byte @Nullable [] record, String reason) {
    assertThatThrownBy(() -> CHECK.read(record, 1))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining(reason);
  }
}
