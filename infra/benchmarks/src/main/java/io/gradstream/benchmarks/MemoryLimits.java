package io.gradstream.benchmarks;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** How fast one thread of this machine reads and copies: the limits of kernels. */
final class MemoryLimits {
  // Halves of cache lines: loads of whole ones are slower from memory on some processors.
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() > 8
          ? FloatVector.SPECIES_256
          : FloatVector.SPECIES_PREFERRED;

  private static final int LENGTH = SPECIES.length();
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private MemoryLimits() {}

  static void copy(MemorySegment from, MemorySegment to) {
    to.copyFrom(from);
  }

  /** Adds up all values, in four independent sums, so that nothing but reading takes time. */
  static float read(List<MemorySegment> vectors) {
    float total = 0;
    for (final MemorySegment vector : vectors) {
      total += read(vector);
    }
    return total;
  }

  private static float read(MemorySegment vector) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    final long step = 4L * LENGTH * Float.BYTES;
    final long end = vector.byteSize() / step * step;
    for (long at = 0; at < end; at += step) {
      s0 = s0.add(load(vector, at, 0));
      s1 = s1.add(load(vector, at, 1));
      s2 = s2.add(load(vector, at, 2));
      s3 = s3.add(load(vector, at, 3));
    }
    return s0.add(s1).add(s2.add(s3)).reduceLanes(VectorOperators.ADD);
  }

  private static FloatVector load(MemorySegment vector, long at, int part) {
    return FloatVector.fromMemorySegment(
        SPECIES, vector, at + (long) part * LENGTH * Float.BYTES, ORDER);
  }
}
