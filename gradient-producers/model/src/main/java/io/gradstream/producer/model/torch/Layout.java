package io.gradstream.producer.model.torch;

import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.RandomPurpose;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The parameter tensors of a network in flat order. Layers declare theirs when they are built and
 * remember the index that they get.
 */
public final class Layout {
  private final List<TensorShape> tensors = new ArrayList<>();
  private final List<Initialization> initializations = new ArrayList<>();

  /**
   * Adds a tensor that all tasks share.
   *
   * @return its index
   */
  public int declare(String name, Initialization initialization, long... shape) {
    tensors.add(new TensorShape(name, shape, TensorShape.SHARED));
    initializations.add(initialization);
    return tensors.size() - 1;
  }

  public List<TensorShape> tensors() {
    return List.copyOf(tensors);
  }

  /** Writes the initial values that belong to a seed into a flat vector of these tensors. */
  public void initialize(long seed, MemorySegment weights) {
    long offset = 0;
    for (int t = 0; t < tensors.size(); t++) {
      var random = CounterRandom.of(seed, RandomPurpose.WEIGHTS, t);
      TensorShape tensor = tensors.get(t);
      long[] shape = tensor.shape();
      for (long i = 0; i < tensor.size(); i++) {
        float value = initializations.get(t).value(random, i, shape);
        weights.setAtIndex(ValueType.FLOAT, offset + i, value);
      }
      offset += tensor.size();
    }
  }
}
