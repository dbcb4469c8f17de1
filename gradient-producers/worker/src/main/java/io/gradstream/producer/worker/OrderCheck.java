package io.gradstream.producer.worker;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.TaskSlots;
import org.jspecify.annotations.Nullable;

/**
 * Reads orders, and refuses those that the parameter server of the run cannot have given.
 *
 * <p>A share group delivers a record again until it is acknowledged, so a bad order would make one
 * worker after the other fail. What an order asks for follows from round, task and slot alone, so a
 * wrong one is found before a model sees it. Immutable.
 */
final class OrderCheck {
  private final RunDescription run;
  private final long firstRound;
  private final RoundOrders orders;
  private final TaskSlots slots;

  /**
   * @param run the run whose orders they are
   */
  OrderCheck(RunDescription run) {
    this.run = run;
    this.firstRound = run.firstRound();
    this.orders = new RoundOrders(run.spec());
    this.slots = run.slots();
  }

  /**
   * Reads an order.
   *
   * @param record the record's value
   * @param task the task that its topic is for
   * @throws MalformedRecordException with the reason why it is no order of the run
   */
  Order read(byte @Nullable [] record, int task) throws MalformedRecordException {
    if (record == null) {
      throw new MalformedRecordException("an empty record");
    }
    final Order order;
    try {
      order = Order.parseFrom(record);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedRecordException("not an order");
    }
    if (order.getTask() != task) {
      throw new MalformedRecordException("an order for task " + order.getTask());
    }
    final long round = order.getRound();
    if (round < firstRound || round >= run.spec().rounds()) {
      throw new MalformedRecordException(
          "round %d, the run has %d to %d".formatted(round, firstRound, run.spec().rounds() - 1));
    }
    final int slot = order.getSlot();
    if (slot < 0 || slot >= slots.of(task)) {
      throw new MalformedRecordException(
          "slot %d, the task has 0 to %d".formatted(slot, slots.of(task) - 1));
    }
    final Order expected =
        orders.of(round, task, slot, order.getAttempt()).toBuilder()
            .setNonce(order.getNonce())
            .build();
    if (!order.equals(expected)) {
      throw new MalformedRecordException(
          "an order for other data than slot %d of round %d reads: micro-batch %d of %d samples, not %d of %d"
              .formatted(
                  slot,
                  round,
                  order.getMicroBatch(),
                  order.getBatchSize(),
                  expected.getMicroBatch(),
                  expected.getBatchSize()));
    }
    return order;
  }
}
