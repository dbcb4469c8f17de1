package io.gradstream.proto.manifest;

import java.util.Arrays;
import java.util.List;

/**
 * One tensor as a model names it: a parameter, or a buffer, which learns from batches instead of
 * gradients.
 *
 * @param name the model's own name for it, unique within the model
 * @param shape its dimensions, each at least 1; empty for a scalar
 * @param owner index of the task that alone uses it, or {@link #SHARED}; no task owns a buffer
 * @param learnsFrom of a buffer, the indices of the tasks whose batches it learns from, ascending;
 *     empty for a parameter
 */
public record TensorShape(String name, long[] shape, int owner, List<Integer> learnsFrom) {
  /** Owner of the tensors that all tasks share. */
  public static final int SHARED = -1;

  public TensorShape {
    if (name.isBlank()) {
      throw new IllegalArgumentException("a tensor needs a name");
    }
    if (owner < SHARED) {
      throw new IllegalArgumentException("tensor " + name + ": no task has index " + owner);
    }
    learnsFrom = List.copyOf(learnsFrom);
    for (int i = 0; i < learnsFrom.size(); i++) {
      if (owner != SHARED || learnsFrom.get(i) < (i == 0 ? 0 : learnsFrom.get(i - 1) + 1)) {
        throw new IllegalArgumentException(
            "buffer %s of task %d learns from tasks %s".formatted(name, owner, learnsFrom));
      }
    }
    shape = shape.clone();
    for (final long dimension : shape) {
      if (dimension < 1) {
        throw new IllegalArgumentException(
            "tensor " + name + ": dimension " + dimension + " in " + Arrays.toString(shape));
      }
    }
  }

  /** A parameter. */
  public TensorShape(String name, long[] shape, int owner) {
    this(name, shape, owner, List.of());
  }

  /**
   * A buffer.
   *
   * @param learnsFrom the tasks whose batches it learns from, at least one
   */
  public static TensorShape buffer(String name, long[] shape, List<Integer> learnsFrom) {
    if (learnsFrom.isEmpty()) {
      throw new IllegalArgumentException("buffer " + name + " learns from no task");
    }
    return new TensorShape(name, shape, SHARED, learnsFrom);
  }

  /** Whether it learns from batches instead of gradients. */
  public boolean buffer() {
    return !learnsFrom.isEmpty();
  }

  /** The same tensor without an owner. */
  public TensorShape withoutOwner() {
    return new TensorShape(name, shape, SHARED, learnsFrom);
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
        && learnsFrom.equals(that.learnsFrom)
        && Arrays.equals(shape, that.shape);
  }

  @Override
  public int hashCode() {
    return name.hashCode() * 31 + Arrays.hashCode(shape);
  }

  @Override
  public String toString() {
    return name
        + Arrays.toString(shape)
        + (owner == SHARED ? "" : " of task " + owner)
        + (buffer() ? ", a buffer of tasks " + learnsFrom : "");
  }
}
