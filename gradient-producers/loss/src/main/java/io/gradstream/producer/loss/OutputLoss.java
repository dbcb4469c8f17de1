package io.gradstream.producer.loss;

import ai.djl.ndarray.NDArray;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** A loss that compares an output of a model with a field of the data. */
public interface OutputLoss {
  /**
   * What an output is compared with.
   *
   * @param shape of the field in a batch, samples first
   * @param maxLabel the largest label of the whole data set; -1 where the field holds no labels
   */
  record Target(long[] shape, int maxLabel) {
    boolean isLabel() {
      return maxLabel >= 0;
    }
  }

  /**
   * Why an output cannot be compared with a target, as part of a sentence; null if it can.
   *
   * @param output its shape in a batch, samples first
   */
  @Nullable String misfit(long[] output, Target target);

  /**
   * The loss, a scalar: the mean over all elements or samples of the batch.
   *
   * @param target int64 for labels, float32 for images
   */
  NDArray of(NDArray output, NDArray target);

  /** The share of samples that are classified right; empty where the loss does not classify. */
  OptionalDouble accuracy(NDArray output, NDArray target);
}
