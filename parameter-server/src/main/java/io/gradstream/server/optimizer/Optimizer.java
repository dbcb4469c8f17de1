package io.gradstream.server.optimizer;

import io.gradstream.proto.kernels.ValueType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Changes weights in place, a piece of a tensor at a time.
 *
 * <p>Stateless itself: the past is kept in the pieces' state vectors. Its arithmetic is float32
 * through {@link io.gradstream.proto.kernels.Kernels}, so that every machine gets the same bits.
 */
public interface Optimizer {
  /** State vectors beside the weights, of the same length, zero at the start. */
  int stateVectors();

  /** Whether a step needs all pieces of a tensor at once. */
  boolean tensorWise();

  /**
   * One step.
   *
   * @param pieces whole tensors for a tensor-wise optimizer, else any pieces
   * @param round how many steps came before: the round whose update this is, without those that
   *     were skipped
   * @param factor the schedule's factor on the learning rate, 0 to 1
   */
  void step(List<Piece> pieces, long round, double factor);

  /**
   * A contiguous piece of one tensor.
   *
   * @param tensor index of the tensor in the manifest
   * @param weights float32, changed in place
   * @param update the values that the arbitrator published
   * @param updateType how the update travelled
   * @param state float32, changed in place
   * @param length number of values
   */
  record Piece(
      int tensor,
      MemorySegment weights,
      MemorySegment update,
      ValueType updateType,
      List<MemorySegment> state,
      long length) {}
}
