package io.gradstream.proto.spec;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which batches the tasks of a run draw, and where in the endless sequence of their data's samples
 * these lie.
 *
 * <p>A micro-batch has a number, which orders and gradients carry. Sequential: slot k of a task
 * with K slots has in round r the number r K + k, and a task's batches follow each other in its
 * data; tasks of the same K, size and data share their batches. Stochastic: the batches of all
 * tasks are counted together, round by round, task by task, slot by slot, and those that are drawn
 * from the same data follow each other there, whatever their sizes. So no two tasks of a round have
 * a sample in common before the data begin anew, and none is left out. Immutable.
 */
public final class TaskBatches {
  private final boolean isStochastic;
  private final TaskSlots slots;
  private final int[] sizes;

  /** Per task, the first task that draws from the same data. */
  private final int[] sources;

  private final List<Section> data;

  /**
   * @param common the data of tasks that have none of their own
   * @throws SpecError if the numbers of micro-batches do not fit together
   */
  TaskBatches(Accumulation accumulation, List<TaskSpec> tasks, Section common) {
    this.isStochastic = accumulation.mode() == Accumulation.Mode.STOCHASTIC;
    this.slots = TaskSlots.of(accumulation, tasks);
    this.data = tasks.stream().map(task -> orElse(task.data(), common)).toList();
    this.sizes = new int[tasks.size()];
    this.sources = new int[tasks.size()];
    for (int task = 0; task < sizes.length; task++) {
      final Integer own = tasks.get(task).batchSize();
      sizes[task] = own == null ? accumulation.batchSize() : own;
      sources[task] = data.indexOf(data.get(task));
    }
  }

  private static Section orElse(@Nullable Section own, Section common) {
    return own == null ? common : own;
  }

  /** How many slots each task has in a round. */
  public TaskSlots slots() {
    return slots;
  }

  /** Samples of a micro-batch of a task; of the pseudo-task, of all. */
  public int size(int task) {
    return sizes[task % sizes.length];
  }

  /** The data of a task. */
  public Section data(int task) {
    return data.get(task);
  }

  /** The first task whose data are the task's: those whose sections say the same have one. */
  public int source(int task) {
    return sources[task];
  }

  /** Whether all tasks draw from the same data. */
  public boolean haveOneSource() {
    return Arrays.stream(sources).allMatch(source -> source == 0);
  }

  /** Whether all tasks have batches of one size. */
  public boolean haveOneSize() {
    return Arrays.stream(sizes).allMatch(size -> size == sizes[0]);
  }

  /**
   * The number of the micro-batch that a slot reads.
   *
   * @param task the task, or the pseudo-task
   */
  public long microBatch(long round, int task, int slot) {
    final int of = task % sizes.length;
    return isStochastic
        ? Math.multiplyExact(round, (long) slots.ofAll()) + before(of) + slot
        : Math.multiplyExact(round, (long) slots.of(of)) + slot;
  }

  /** How many batches of a stochastic round come before a task's. */
  private int before(int task) {
    int before = 0;
    for (int other = 0; other < task; other++) {
      before += slots.of(other);
    }
    return before;
  }

  /**
   * The position of a micro-batch's first sample in the sequence of the task's data.
   *
   * @param microBatch its number, at least 0
   */
  public long firstSample(int task, long microBatch) {
    if (!isStochastic) {
      return Math.multiplyExact(microBatch, (long) sizes[task]);
    }
    final long rounds = microBatch / slots.ofAll();
    final int rest = (int) (microBatch % slots.ofAll());
    long ofRound = 0;
    long ofRest = 0;
    int first = 0;
    for (int other = 0; other < sizes.length; other++) {
      if (sources[other] == sources[task]) {
        ofRound += (long) slots.of(other) * sizes[other];
        ofRest += (long) Math.clamp(rest - first, 0, slots.of(other)) * sizes[other];
      }
      first += slots.of(other);
    }
    return Math.addExact(Math.multiplyExact(rounds, ofRound), ofRest);
  }
}
