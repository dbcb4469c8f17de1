package io.gradstream.arbitrator.calibrator;

/**
 * Calibrates each task's gradient over time before a resolver sees it. A calibrator is immutable:
 * the past is kept in the memories, one vector per task with the gradient's size, which the caller
 * holds and which start at zero.
 */
public interface Calibrator {

  /** Whether the calibrator uses memories; if not, gradients pass unchanged. */
  boolean remembers();

  /**
   * Whether {@link #calibrate} reads the norms of the round's gradients. If so, no shard can be
   * calibrated before all shards of the round are in. If not, each shard is calibrated as soon as
   * it is complete.
   */
  boolean needsNorms();

  /** Whether the memory of a calibrator that needs norms is the last calibrated gradient itself. */
  default boolean remembersGradients() {
    return true;
  }

  /** Whether {@link RowNumbers#variance} is read, for which two micro-batches a task are needed. */
  default boolean readsVariance() {
    return false;
  }

  /**
   * How a round's gradients are calibrated.
   *
   * @param round number of the round, from 0
   * @param norms N norms of the gradients; not read unless {@link #needsNorms}
   * @param losses N losses of the round
   */
  Calibration calibrate(long round, double[] norms, double[] losses);

  /** The same from all that may be known of a round; only where norms are needed. */
  default Calibration calibrate(RowNumbers rows) {
    return calibrate(rows.round(), rows.norms(), rows.losses());
  }
}
