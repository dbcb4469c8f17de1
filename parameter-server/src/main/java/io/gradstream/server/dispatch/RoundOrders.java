package io.gradstream.server.dispatch;

import io.gradstream.proto.message.Order;
import io.gradstream.proto.spec.Accumulation;
import io.gradstream.proto.spec.RunSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * The orders of a round, by GCond's two ways to accumulate.
 *
 * <p>Sequential: each of the round's K micro-batches is used for every task, so slot k of all tasks
 * names the same data. Stochastic: the K micro-batches are split into N blocks of K/N, one a task.
 * An order follows from (round, task, slot) alone.
 */
public final class RoundOrders {
  private final Accumulation accumulation;
  private final int tasks;

  public RoundOrders(RunSpec spec) {
    this.accumulation = spec.accumulation();
    this.tasks = spec.tasks().size();
  }

  /**
   * All orders of a round in slot order, so that the first slots of all tasks come first.
   *
   * @param summed whether the pseudo-task is asked in place of the tasks
   */
  public List<Order> of(long round, boolean scalarized) {
    final var orders = new ArrayList<Order>();
    for (int slot = 0; slot < accumulation.slots(tasks); slot++) {
      if (scalarized) {
        orders.add(of(round, tasks, slot, 0));
        continue;
      }
      for (int task = 0; task < tasks; task++) {
        orders.add(of(round, task, slot, 0));
      }
    }
    return orders;
  }

  /**
   * One order.
   *
   * @param task the task, or the number of tasks for the pseudo-task
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
        .build();
  }
}
