package io.gradstream.proto.run;

import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.spec.Accumulation;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The orders of a round, by GCond's two ways to accumulate.
 *
 * <p>Sequential: each of the round's K micro-batches is used for every task, so slot k of all tasks
 * names the same data. Stochastic: the K micro-batches are split into N blocks of K/N, one per
 * task. An order follows from (round, task, slot) alone.
 */
public final class RoundOrders {
  private final Accumulation accumulation;
  private final int tasks;

  public RoundOrders(RunSpec spec) {
    this.accumulation = spec.accumulation();
    this.tasks = spec.tasks().size();
  }

  /** All orders of a round in slot order, so that the first slots of all tasks come first. */
  public List<Order> of(long round, RoundKind kind) {
    return IntStream.range(0, accumulation.slots(tasks))
        .boxed()
        .flatMap(slot -> kind.asked(tasks).mapToObj(task -> of(round, task, slot, 0)))
        .toList();
  }

  /**
   * One order.
   *
   * @param task the task, or {@link RoundKind#sum}
   * @param attempt how often the slot was asked for before
   */
  public Order of(long round, int task, int slot, int attempt) {
    final long first = Math.multiplyExact(round, (long) accumulation.microBatches());
    final long microBatch =
        switch (accumulation.mode()) {
          case SEQUENTIAL -> first + slot;
          case STOCHASTIC -> first + (long) (task % tasks) * accumulation.slots(tasks) + slot;
        };
    return Order.newBuilder()
        .setRound(round)
        .setTask(task)
        .setSlot(slot)
        .setMicroBatch(microBatch)
        .setAttempt(attempt)
        .setWeightsVersion(round)
        .setBatchSize(accumulation.batchSize())
        .setKind(RoundKind.asking(task, tasks).gradients())
        .build();
  }

  /** The header of a gradient that answers an order, as far as it repeats what the order says. */
  public static GradientShard.Builder answer(Order order) {
    return GradientShard.newBuilder()
        .setRound(order.getRound())
        .setSlot(order.getSlot())
        .setNonce(order.getNonce())
        .setMicroBatch(order.getMicroBatch())
        .setWeightsVersion(order.getWeightsVersion())
        .addAllRanges(order.getRangesList())
        .setBatchSize(order.getBatchSize())
        .setKind(order.getKind())
        .setLocalSteps(order.getLocalSteps());
  }
}
