package io.gradstream.proto.manifest;

import io.gradstream.proto.kernels.ValueType;

/**
 * A contiguous piece of the flat vector: several whole tensors of one owner, or buffers of the same
 * tasks, or a piece of one tensor that is too large for a record.
 *
 * @param index its position in the manifest; the order in which inner products are added
 * @param offset index of its first value in the flat vector
 * @param length number of values
 * @param owner task that alone uses it, or {@link TensorShape#SHARED}
 * @param partition where its records travel
 * @param firstTensor index of the first tensor it holds values of
 * @param lastTensor index of the last tensor it holds values of
 * @param buffer whether it holds buffers, which no method sees
 */
public record Shard(
    int index,
    long offset,
    int length,
    int owner,
    int partition,
    int firstTensor,
    int lastTensor,
    boolean buffer) {

  /** Whether it holds parameters that all tasks share. */
  public boolean shared() {
    return owner == TensorShape.SHARED && !buffer;
  }

  /**
   * How its values travel in a run.
   *
   * @param type the run's; buffers are float32 whatever that is
   */
  public ValueType travelsAs(ValueType type) {
    return buffer ? ValueType.FLOAT32 : type;
  }
}
