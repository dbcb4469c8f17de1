package io.gradstream.producer.loss;

import ai.djl.ndarray.NDArray;

/** A differentiable measure of how badly masked patches were guessed. */
public interface ReconstructionLoss {
  /** A scalar, 0 for a perfect guess; the mean over the micro-batch. */
  NDArray of(Reconstruction reconstruction);
}
