package io.gradstream.proto.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Named float32 vectors that are changed in place; a store keeps them, an auditor just holds them.
 */
public interface NamedVectors {
  /** Vectors begin at multiples of this many bytes, a cache line. */
  long ALIGNMENT = 64;

  /**
   * The vector of that name, made of zeros when there is none.
   *
   * @param length its length in values, the same at every call
   */
  MemorySegment vector(VectorId id, long length);

  /** Says that a vector's values have been changed. */
  void changed(VectorId id);

  /** Vectors that nobody keeps. */
  static NamedVectors inMemory() {
    final Map<VectorId, MemorySegment> vectors = new HashMap<>();
    return new NamedVectors() {
      @Override
      public MemorySegment vector(VectorId id, long length) {
        return vectors.computeIfAbsent(
            id, absent -> Arena.ofAuto().allocate(length * Float.BYTES, ALIGNMENT));
      }

      @Override
      public void changed(VectorId id) {
        // Nobody keeps them.
      }
    };
  }
}
