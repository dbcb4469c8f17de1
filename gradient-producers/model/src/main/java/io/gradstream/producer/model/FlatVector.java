package io.gradstream.producer.model;

import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * How a flat vector of float32 is laid out in memory: tensor after tensor, little-endian, no
 * padding.
 */
public final class FlatVector {
  /** Vector loads and torch both like the start of a cache line. */
  private static final long ALIGNMENT = 64;

  private FlatVector() {}

  /** A zeroed vector off the heap that holds all of {@code tensors}. */
  public static MemorySegment allocate(Arena arena, List<TensorShape> tensors) {
    long values = 0;
    for (TensorShape tensor : tensors) {
      values += tensor.size();
    }
    return arena.allocate(values * Float.BYTES, ALIGNMENT);
  }

  /** The parts of a flat vector that hold each of {@code tensors}. */
  public static List<MemorySegment> slices(MemorySegment vector, List<TensorShape> tensors) {
    var slices = new ArrayList<MemorySegment>();
    long offset = 0;
    for (TensorShape tensor : tensors) {
      long bytes = tensor.size() * Float.BYTES;
      slices.add(vector.asSlice(offset, bytes));
      offset += bytes;
    }
    return slices;
  }
}
