package io.gradstream.arbitrator.calibrator;

/**
 * Calibrates each task's gradient over time before a resolver sees it. Immutable: it remembers the
 * past in the memories, vectors of the gradient's size that the caller holds and that start at
 * zero.
 */
public interface Calibrator {

  /** Whether it has a memory at all; if not, gradients pass as they are. */
  boolean remembers();

  /**
   * Whether {@link #calibrate} looks at the norms of the round's gradients, so that the whole
   * gradient must be in before any part of it can be calibrated; its memory is then the calibrated
   * gradient itself. If not, every shard can be calibrated at once.
   */
  boolean needsNorms();

  /**
   * How a round's gradients are calibrated.
   *
   * @param round number of the round, from 0
   * @param norms N norms of the gradients; not read unless {@link #needsNorms}
   * @param losses N losses of the round
   */
  Calibration calibrate(long round, double[] norms, double[] losses);
}
