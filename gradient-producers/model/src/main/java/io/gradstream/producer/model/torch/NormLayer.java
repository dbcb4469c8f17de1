package io.gradstream.producer.model.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.norm.LayerNorm;

/** Layer normalisation over the last axis (Ba, Kiros and Hinton, 2016). */
public final class NormLayer {
  private static final float EPSILON = 1e-6f;

  private final long width;
  private final int scale;
  private final int shift;

  public NormLayer(Layout layout, String name, long width) {
    this.width = width;
    scale = layout.declare(name + ".weight", Initialization.ONES, width);
    shift = layout.declare(name + ".bias", Initialization.ZEROS, width);
  }

  /** {@code x} and the answer are {@code ... x width}. */
  public NDArray apply(Parameters parameters, NDArray x) {
    return LayerNorm.layerNorm(
            x, new Shape(width), parameters.get(scale), parameters.get(shift), EPSILON)
        .singletonOrThrow();
  }
}
