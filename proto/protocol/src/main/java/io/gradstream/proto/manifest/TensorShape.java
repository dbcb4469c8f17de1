package io.gradstream.proto.manifest;

import java.util.Arrays;

/**
 * One parameter tensor as a model names it.
 *
 * @param name the model's own name for it, unique within the model
 * @param shape its dimensions, each at least 1; empty for a scalar
 * @param owner index of the task that alone uses it, or {@link #SHARED}
 */
public record TensorShape(String name, long[] shape, int owner) {
  /** Owner of the tensors that all tasks share. */
  public static final int SHARED = -1;

  public TensorShape {
    if (name.isBlank()) {
      throw new IllegalArgumentException("a tensor needs a name");
    }
    if (owner < SHARED) {
      throw new IllegalArgumentException("tensor " + name + ": no task has index " + owner);
    }
    shape = shape.clone();
    for (final long dimension : shape) {
      if (dimension < 1) {
        throw new IllegalArgumentException(
            "tensor " + name + ": dimension " + dimension + " in " + Arrays.toString(shape));
      }
    }
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** Number of values. */
  public long size() {
    long size = 1;
    for (final long dimension : shape) {
      size = Math.multiplyExact(size, dimension);
    }
    return size;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorShape that
        && name.equals(that.name)
        && owner == that.owner
        && Arrays.equals(shape, that.shape);
  }

  @Override
  public int hashCode() {
    return name.hashCode() * 31 + Arrays.hashCode(shape);
  }

  @Override
  public String toString() {
    return name + Arrays.toString(shape) + (owner == SHARED ? "" : " of task " + owner);
  }
}
