package io.gradstream.producer.model;

import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/**
 * How a flat vector of float32 is laid out in memory: tensor after tensor, little-endian, no
 * padding.
 */
final class FlatVector {
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Vector loads and torch both like the start of a cache line. */
  private static final long ALIGNMENT = 64;

  private FlatVector() {}

  /** A zeroed vector off the heap that holds all of {@code tensors}. */
  static MemorySegment allocate(Arena arena, List<TensorShape> tensors) {
    long values = 0;
    for (TensorShape tensor : tensors) {
      values += tensor.size();
    }
    return arena.allocate(values * Float.BYTES, ALIGNMENT);
  }
}
