package io.gradstream.producer.loss;

import ai.djl.ndarray.NDArray;

/** Mean absolute difference over the pixels of masked patches, in normalised space. */
final class MaskedL1 implements ReconstructionLoss {
  @Override
  public NDArray of(Reconstruction reconstruction) {
    return reconstruction.guessed().sub(reconstruction.masked()).abs().mean();
  }
}
