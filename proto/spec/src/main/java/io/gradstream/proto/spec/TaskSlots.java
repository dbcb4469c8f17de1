package io.gradstream.proto.spec;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How many slots each task has in a round, and how they are divided into groups.
 *
 * <p>All tasks have equally many groups. Where tasks have different numbers of slots, each group
 * has the same share of its task's, so that a share is that of all tasks. Immutable.
 */
public final class TaskSlots {
  private final List<SlotGroups> ofTasks;
  private final int most;

  private TaskSlots(List<SlotGroups> ofTasks) {
    this.ofTasks = List.copyOf(ofTasks);
    this.most = ofTasks.stream().mapToInt(SlotGroups::slots).max().orElse(0);
  }

  /** Of a run whose tasks have equally many slots. */
  public static TaskSlots alike(int tasks, SlotGroups groups) {
    return new TaskSlots(IntStream.range(0, tasks).mapToObj(task -> groups).toList());
  }

  /**
   * Of a spec.
   *
   * @throws SpecError if the numbers do not fit together
   */
  static TaskSlots of(Accumulation accumulation, List<TaskSpec> tasks) {
    final List<Integer> slots = slots(accumulation, tasks);
    final boolean isAlike = slots.stream().distinct().count() == 1;
    final var groups = new ArrayList<SlotGroups>();
    for (int task = 0; task < tasks.size(); task++) {
      final int own = slots.get(task);
      requireGroups(accumulation.groups(), own, isAlike, tasks.get(task).name());
      groups.add(new SlotGroups(own, accumulation.groups().of(own)));
    }
    return new TaskSlots(groups);
  }

  private static List<Integer> slots(Accumulation accumulation, List<TaskSpec> tasks) {
    final int k = accumulation.microBatches();
    final int n = tasks.size();
    if (accumulation.mode() == Accumulation.Mode.SEQUENTIAL
        || tasks.stream().allMatch(task -> task.microBatches() != null)) {
      return tasks.stream().map(task -> orElse(task.microBatches(), k)).toList();
    }
    for (int task = 0; task < n; task++) {
      if (tasks.get(task).microBatches() != null) {
        throw new SpecError(
            "tasks.%d.micro-batches".formatted(task),
            "in stochastic mode either all tasks have a number of their own, or none has: there is no rest of accumulation.micro-batches that the others could share");
      }
    }
    if (k % n != 0) {
      throw new SpecError(
          "accumulation.micro-batches",
          "%d cannot be divided among %d tasks; stochastic accumulation needs a multiple of %d, or tasks.micro-batches for each"
              .formatted(k, n, n));
    }
    return tasks.stream().map(task -> k / n).toList();
  }

  private static int orElse(@Nullable Integer own, int common) {
    return own == null ? common : own;
  }

  private static void requireGroups(
      Accumulation.Groups groups, int slots, boolean isAlike, String task) {
    if (groups.least() > slots) {
      throw new SpecError(
          "accumulation.groups",
          "%s groups need as many micro-batches a task, and there are %d; give more micro-batches"
              .formatted(groups, slots));
    }
    if (!isAlike && (groups == Accumulation.Groups.EACH || slots % groups.of(slots) != 0)) {
      throw new SpecError(
          "accumulation.groups",
          groups == Accumulation.Groups.EACH
              ? "each needs equally many micro-batches of all tasks, since a round has equally many groups of each; give a number of groups"
              : "where tasks have different numbers of micro-batches, each is divided into equal groups; the %d of task %s are no multiple of %s"
                  .formatted(slots, task, groups));
    }
  }

  /**
   * Slots of a task in a round.
   *
   * @param task the task, or the pseudo-task, of which a run has none whose tasks are not alike
   */
  public int of(int task) {
    return task < ofTasks.size() ? ofTasks.get(task).slots() : isAlike() ? most : 0;
  }

  /** How a task's slots are divided. */
  public SlotGroups groups(int task) {
    return ofTasks.get(task);
  }

  /** G, into how many groups each task's slots are divided. */
  public int groups() {
    return ofTasks.getFirst().count();
  }

  /** A group's share of the mean over all slots of its task, that of all tasks. */
  public double share(int group) {
    return ofTasks.getFirst().share(group);
  }

  /** The largest number of slots that a task has. */
  public int most() {
    return most;
  }

  /** Slots of all tasks in a round of one gradient a task. */
  public int ofAll() {
    return ofTasks.stream().mapToInt(SlotGroups::slots).sum();
  }

  /** Whether all tasks have equally many. */
  public boolean isAlike() {
    return ofTasks.stream().allMatch(each -> each.slots() == most);
  }

  /** A number for a task's or the pseudo-task's slot, 0 to {@link #places()} - 1. */
  public int place(int task, int slot) {
    return task * most + slot;
  }

  /** The task of a {@link #place}. */
  public int taskAt(int place) {
    return place / most;
  }

  /** The slot of a {@link #place}. */
  public int slotAt(int place) {
    return place % most;
  }

  /** How many places there are; those of slots that a task has not are empty. */
  public int places() {
    return (ofTasks.size() + 1) * most;
  }
}
