package io.gradstream.proto.spec;

/**
 * How a round's micro-batches are shared among the tasks.
 *
 * @param microBatches K, the number of micro-batches of a round
 * @param batchSize samples of one micro-batch
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
        int batchSize) {
  /** GCond's two ways to accumulate. */
  public enum Mode {
    SEQUENTIAL,
    STOCHASTIC
  }

  /** The slots of one task in a round: K, or K/N where the tasks divide the micro-batches. */
  public int slots(int tasks) {
    return mode == Mode.STOCHASTIC ? microBatches / tasks : microBatches;
  }
}
