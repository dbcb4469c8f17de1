package io.gradstream.benchmarks;

import io.gradstream.proto.kernels.ValueType;
import java.lang.foreign.MemorySegment;

/** Vectors of made-up values. */
final class SyntheticVectors {
  private static final long FACTOR = 0x9E3779B97F4A7C15L;

  private SyntheticVectors() {}

  /** Fills a vector with values between -1 and 1 that follow from the seed, and returns it. */
  static MemorySegment fill(MemorySegment vector, long seed) {
    long state = seed * FACTOR;
    final long values = vector.byteSize() / Float.BYTES;
    for (long i = 0; i < values; i++) {
      state += FACTOR;
      final long mixed = (state ^ (state >>> 32)) * FACTOR;
      vector.set(ValueType.FLOAT, i * Float.BYTES, (mixed >> 40) * 0x1p-23f);
    }
    return vector;
  }
}
