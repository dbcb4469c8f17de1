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
  /**
   * For the queries', keys' and values' weights of an attention in one tensor of shape 3 width x
   * width: each is Xavier uniform, and the keys are the queries. Attention so begins by looking at
   * tokens that are alike, neighbours above all, which a small transformer otherwise spends most of
   * its training to find out (Trockman and Kolter, "Mimetic Initialization of Self-Attention
   * Layers", 2023).
   */
  ATTENTION,
  /** Normal with standard deviation 0.02. */
  SMALL_NORMAL;

  float value(CounterRandom random, long index, long[] shape) {
    return switch (this) {
      case ZEROS -> 0f;
      case ONES -> 1f;
      case XAVIER_UNIFORM -> xavier(random, index, shape[0] + shape[1]);
      case ATTENTION -> {
        long width = shape[1];
        boolean key = index / width / width == 1;
        yield xavier(random, key ? index - width * width : index, 2 * width);
      }
      case SMALL_NORMAL -> (float) (0.02 * random.gaussian(index));
    };
  }

  private static float xavier(CounterRandom random, long index, long fans) {
    return (float) (Math.sqrt(6.0 / fans) * (2 * random.uniform(index) - 1));
  }
}
