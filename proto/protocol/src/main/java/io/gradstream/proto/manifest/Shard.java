package io.gradstream.proto.manifest;

/**
 * A contiguous piece of the flat parameter vector: several whole tensors of one owner, or a piece
 * of one tensor that is too large for a record.
 *
 * @param index its position in the manifest; the order in which inner products are added
 * @param offset index of its first value in the flat vector
 * @param length number of values
 * @param owner task that alone uses it, or {@link TensorShape#SHARED}
 * @param partition where its records travel
 * @param firstTensor index of the first tensor it holds values of
 * @param lastTensor index of the last tensor it holds values of
 */
public record Shard(
    int index, long offset, int length, int owner, int partition, int firstTensor, int lastTensor) {

  public boolean shared() {
    return owner == TensorShape.SHARED;
  }
}
