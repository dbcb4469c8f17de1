package io.gradstream.producer.worker;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import org.jspecify.annotations.Nullable;

/**
 * Reads orders, and refuses those that the parameter server of the run cannot have given.
 *
 * <p>A share group delivers a record again until it is acknowledged, so a worker that failed at one
 * would hand it to the next. Which micro-batch a slot reads follows from the run alone, so a wrong
 * one is found before a model sees it. Immutable.
 *
 * @param run the run whose orders they are
 */
record OrderCheck(RunDescription run) {
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
    if (round < run.firstRound() || round >= run.spec().rounds()) {
      throw new MalformedRecordException(
          "round %d, the run has %d to %d"
              .formatted(round, run.firstRound(), run.spec().rounds() - 1));
    }
    final int slot = order.getSlot();
    if (slot < 0 || slot >= run.slots()) {
      throw new MalformedRecordException(
          "slot %d, a task has 0 to %d".formatted(slot, run.slots() - 1));
    }
    final long first = round * run.spec().accumulation().microBatches();
    final long microBatch = order.getMicroBatch();
    if (microBatch < first || microBatch >= first + run.spec().accumulation().microBatches()) {
      throw new MalformedRecordException(
          "micro-batch %d, which is none of round %d".formatted(microBatch, round));
    }
    return order;
  }
}
