package io.gradstream.proto.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Cuts of vectors, counted in values. Vectors are float32 where no type is named. */
final class VectorSlices {
  private VectorSlices() {}

  /**
   * The first {@code n} values; so a short vector, or one whose memory is gone or another thread's,
   * fails before any work is done.
   */
  static MemorySegment of(MemorySegment x, ValueType type, long n) {
    if (!x.scope().isAlive() || !x.isAccessibleBy(Thread.currentThread())) {
      throw new IllegalStateException("the vector's memory is freed, or another thread's: " + x);
    }
    return x.asSlice(0, n * type.bytes());
  }

  static MemorySegment[] of(MemorySegment[] x, long n) {
    MemorySegment[] cut = new MemorySegment[x.length];
    for (int i = 0; i < x.length; i++) {
      cut[i] = of(x[i], ValueType.FLOAT32, n);
    }
    return cut;
  }

  static @Nullable MemorySegment ofNullable(@Nullable MemorySegment x, long n) {
    return x == null ? null : of(x, ValueType.FLOAT32, n);
  }

  /** What comes after the first {@code from} values. */
  static MemorySegment rest(MemorySegment x, ValueType type, long from) {
    return x.asSlice(from * type.bytes());
  }

  static MemorySegment rest(MemorySegment x, long from) {
    return rest(x, ValueType.FLOAT32, from);
  }

  static @Nullable MemorySegment restOrNull(@Nullable MemorySegment x, long from) {
    return x == null ? null : rest(x, from);
  }
}
