package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.resolver.SquareSums;
import io.gradstream.proto.kernels.ValueType;
import java.lang.foreign.MemorySegment;

/**
 * The passes over a shard's rows that {@link SquareSums} needs: one for the estimate when the shard
 * is complete, which changes nothing, and one that moves the sums of squares when its round closes.
 * So a round that is skipped, or summed once more after a crash, finds them as they were.
 *
 * <p>In float64, one element after the other: the same bits everywhere.
 */
final class ExcessPass {
  private ExcessPass() {}

  /**
   * The estimate of one row over a shard.
   *
   * @param sum float32
   * @param scale factor from the sum to the loss-weighted gradient
   * @param squares float32
   */
  static double estimate(MemorySegment sum, double scale, MemorySegment squares, int n) {
    double excess = 0;
    for (long at = 0; at < (long) n * Float.BYTES; at += Float.BYTES) {
      excess +=
          SquareSums.part(squares.get(ValueType.FLOAT, at), scale * sum.get(ValueType.FLOAT, at));
    }
    return excess;
  }

  /** Moves a row's sums of squares over a shard. */
  static void move(MemorySegment sum, double scale, MemorySegment squares, int n) {
    for (long at = 0; at < (long) n * Float.BYTES; at += Float.BYTES) {
      final double after =
          SquareSums.after(squares.get(ValueType.FLOAT, at), scale * sum.get(ValueType.FLOAT, at));
      squares.set(ValueType.FLOAT, at, (float) after);
    }
  }
}
