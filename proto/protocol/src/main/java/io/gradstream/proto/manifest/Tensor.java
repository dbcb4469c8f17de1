package io.gradstream.proto.manifest;

/**
 * A tensor's place in the flat parameter vector.
 *
 * @param index its position in the manifest
 * @param shape its name, dimensions and owner
 * @param offset index of its first value in the flat vector
 */
public record Tensor(int index, TensorShape shape, long offset) {
  public String name() {
    return shape.name();
  }

  /** Number of values. */
  public long size() {
    return shape.size();
  }

  public int owner() {
    return shape.owner();
  }

  /** Whether it learns from batches instead of gradients. */
  public boolean buffer() {
    return shape.buffer();
  }
}
