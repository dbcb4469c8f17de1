package io.gradstream.proto.spec;

/**
 * How a round's micro-batches are shared among the tasks.
 *
 * @param microBatches K, the number of micro-batches of a round, of tasks without a number of their
 *     own
 * @param batchSize samples of one micro-batch, of tasks without a size of their own
 * @param groups into how many gradients a task's slots are summed
 */
public record Accumulation(
    @Param(
            value = "sequential: every micro-batch serves all tasks; stochastic: K/N for each task",
            defaultValue = "sequential",
            inFork = Param.InFork.FIXED)
        Mode mode,
    @Param(
            value = "micro-batches of a round (K)",
            defaultValue = "4",
            min = 1,
            max = 65536,
            inFork = Param.InFork.FIXED)
        int microBatches,
    @Param(value = "samples of one micro-batch", defaultValue = "16", min = 1, max = 1048576)
        int batchSize,
    @Param(
            value =
                "into how many gradients a task's micro-batches are summed: 1, 2, 3, or each one its"
                    + " own; micro-batch k goes to group k mod groups",
            defaultValue = "1",
            inReplay = true,
            inFork = Param.InFork.FIXED)
        Groups groups) {
  /** GCond's two ways to accumulate. */
  public enum Mode {
    SEQUENTIAL,
    STOCHASTIC
  }

  /** How many gradients a task has in a round. */
  public enum Groups {
    ONE("1", 1),
    TWO("2", 2),
    THREE("3", 3),
    /** As many as slots. */
    EACH("each", 0);

    private final String text;
    private final int count;

    Groups(String text, int count) {
      this.text = text;
      this.count = count;
    }

    /** How many micro-batches of a task there must be at least. */
    int least() {
      return Math.max(1, count);
    }

    /** Into how many groups some slots are divided. */
    int of(int slots) {
      return this == EACH ? slots : count;
    }

    /** As the run spec writes it. */
    @Override
    public String toString() {
      return text;
    }
  }
}
