package io.gradstream.audit.checkpoint;

import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.VectorId;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** Vectors of a store that nobody commits, and that can be told by name. One owner, one thread. */
public final class HeldVectors implements NamedVectors {
  private static final long ALIGNMENT = 64;

  private final Map<VectorId, MemorySegment> vectors;

  /** None yet: each is made of zeros when it is asked for. */
  public HeldVectors() {
    this(Map.of());
  }

  /** Some to begin with, which are changed in place. */
  public HeldVectors(Map<VectorId, MemorySegment> vectors) {
    this.vectors = new HashMap<>(vectors);
  }

  @Override
  public MemorySegment vector(VectorId id, long length) {
    return vectors.computeIfAbsent(
        id, absent -> Arena.ofAuto().allocate(length * Float.BYTES, ALIGNMENT));
  }

  @Override
  public void changed(VectorId id) {
    // Whoever asks for all gets all.
  }

  /** All that were asked for so far. */
  public Map<VectorId, MemorySegment> all() {
    return Map.copyOf(vectors);
  }
}
