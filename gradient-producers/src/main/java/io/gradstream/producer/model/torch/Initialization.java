package io.gradstream.producer.model.torch;

import io.gradstream.producer.data.CounterRandom;

/**
 * How a tensor starts. Computed here, not by torch, so that a seed means the same bits everywhere.
 */
public enum Initialization {
  ZEROS,
  ONES,
  /** Uniform in +-sqrt(6 / (in + out)) for a weight of shape out x in (Glorot and Bengio, 2010). */
  XAVIER_UNIFORM,
  /** Normal with standard deviation 0.02. */
  SMALL_NORMAL;

  float value(CounterRandom random, long index, long[] shape) {
    return switch (this) {
      case ZEROS -> 0f;
      case ONES -> 1f;
      case XAVIER_UNIFORM -> {
        double bound = Math.sqrt(6.0 / (shape[0] + shape[1]));
        yield (float) (bound * (2 * random.uniform(index) - 1));
      }
      case SMALL_NORMAL -> (float) (0.02 * random.gaussian(index));
    };
  }
}
