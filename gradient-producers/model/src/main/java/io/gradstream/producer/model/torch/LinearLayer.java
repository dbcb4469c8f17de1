package io.gradstream.producer.model.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.core.Linear;

/** {@code y = x W^T + b} over the last axis. */
public final class LinearLayer {
  private final int weight;
  private final int bias;

  /** Declares a weight of shape {@code out x in} and a bias of shape {@code out}. */
  public LinearLayer(Layout layout, String name, long in, long out) {
    this(layout, name, in, out, Initialization.XAVIER_UNIFORM);
  }

  LinearLayer(Layout layout, String name, long in, long out, Initialization initialization) {
    weight = layout.declare(name + ".weight", initialization, out, in);
    bias = layout.declare(name + ".bias", Initialization.ZEROS, out);
  }

  /** {@code x} is {@code ... x in}, the answer {@code ... x out}. */
  public NDArray apply(Parameters parameters, NDArray x) {
    return Linear.linear(x, parameters.get(weight), parameters.get(bias)).singletonOrThrow();
  }
}
