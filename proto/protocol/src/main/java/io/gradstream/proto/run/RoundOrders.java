package io.gradstream.proto.run;

import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskBatches;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The orders of a round, by GCond's two ways to accumulate ({@link TaskBatches}).
 *
 * <p>Sequential: each of the round's K micro-batches is used for every task, so slot k of all tasks
 * names the same data, unless a task has a number, a size or data of its own. Stochastic: each task
 * has micro-batches of its own. An order follows from (round, task, slot) alone.
 */
public final class RoundOrders {
  private final TaskBatches batches;
  private final int tasks;

  public RoundOrders(RunSpec spec) {
    this.batches = spec.batches();
    this.tasks = spec.tasks().size();
  }

  /** All orders of a round in slot order, so that the first slots of all tasks come first. */
  public List<Order> of(long round, RoundKind kind) {
    return IntStream.range(0, batches.slots().most())
        .boxed()
        .flatMap(
            slot ->
                kind.asked(tasks)
                    .filter(task -> slot < batches.slots().of(task))
                    .mapToObj(task -> of(round, task, slot, 0)))
        .toList();
  }

  /**
   * One order.
   *
   * @param task the task, or {@link RoundKind#sum}
   * @param attempt how often the slot was asked for before
   */
  public Order of(long round, int task, int slot, int attempt) {
    return Order.newBuilder()
        .setRound(round)
        .setTask(task)
        .setSlot(slot)
        .setMicroBatch(batches.microBatch(round, task, slot))
        .setAttempt(attempt)
        .setWeightsVersion(round)
        .setBatchSize(batches.size(task))
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
