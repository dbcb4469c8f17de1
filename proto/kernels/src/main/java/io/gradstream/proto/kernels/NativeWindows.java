package io.gradstream.proto.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/**
 * Vectors seen through off-heap windows of {@value #VALUES} values, since the loops of {@link
 * VectorSteps} and {@link VectorSums} reach values by address.
 *
 * <p>Memory outside the heap is used in place. Memory on the heap, such as the payload of a record,
 * is copied through a small buffer, which stays in the first level of cache. A thread uses one of
 * these at a time.
 */
final class NativeWindows {
  /** Values in a window: few enough that the windows of a kernel stay in cache. */
  static final int VALUES = 2048;

  private static final int ALIGNMENT = 64;

  /** Buffers of this thread; they are kept, since every record of gradients needs one. */
  private static final ThreadLocal<List<MemorySegment>> BUFFERS =
      ThreadLocal.withInitial(ArrayList::new);

  private final List<MemorySegment> buffers = BUFFERS.get();
  private final List<MemorySegment> vectors = new ArrayList<>();
  private final long n;
  private int used;

  NativeWindows(long n) {
    this.n = n;
  }

  /** Number of values in the window that starts at {@code from}. */
  int length(long from) {
    return (int) Math.min(VALUES, n - from);
  }

  Window on(MemorySegment x) {
    return on(x, ValueType.FLOAT32);
  }

  Window on(MemorySegment x, ValueType type) {
    MemorySegment values = VectorSlices.of(x, type, n);
    vectors.add(values);
    boolean direct = isDirect(values);
    return new Window(values, type, direct ? values : buffer(type), direct);
  }

  /**
   * Keeps all vectors from being freed until here: loops know nothing of them but their addresses.
   */
  @SuppressWarnings(
      "ReachabilityFenceUsage") // called after the loops; one that fails needs no memory
  void keep() {
    Reference.reachabilityFence(vectors);
  }

  /** Whether a vector can be looked at where it is. */
  static boolean isDirect(MemorySegment x) {
    return x.isNative() && !x.isMapped();
  }

  /** Off-heap room for a window's values: this object's until its thread makes another one. */
  MemorySegment buffer(ValueType type) {
    if (used == buffers.size()) {
      buffers.add(Arena.ofAuto().allocate((long) VALUES * Float.BYTES, ALIGNMENT));
    }
    return buffers.get(used++).asSlice(0, (long) length(0) * type.bytes());
  }

  /** One vector's window; {@code memory} is the vector itself or the buffer it goes through. */
  record Window(MemorySegment vector, ValueType type, MemorySegment memory, boolean direct) {

    /** The values from {@code from} on, to be read. */
    MemorySegment read(long from, int length) {
      MemorySegment place = place(from, length);
      if (!direct) {
        copy(vector, from * type.bytes(), place, 0, place.byteSize());
      }
      return place;
    }

    /** Room for the values from {@code from} on, to be written and then {@link #written}. */
    MemorySegment place(long from, int length) {
      return memory.asSlice(direct ? from * type.bytes() : 0, (long) length * type.bytes());
    }

    /** Says that the values from {@code from} on are in their place. */
    void written(long from, int length) {
      if (!direct) {
        copy(memory, 0, vector, from * type.bytes(), (long) length * type.bytes());
      }
    }

    private static void copy(MemorySegment from, long at, MemorySegment to, long where, long n) {
      MemorySegment.copy(from, ValueLayout.JAVA_BYTE, at, to, ValueLayout.JAVA_BYTE, where, n);
    }
  }
}
