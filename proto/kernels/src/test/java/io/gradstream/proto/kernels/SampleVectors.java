package io.gradstream.proto.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/** Seeded vectors in every kind of memory that the kernels are promised to read. */
final class SampleVectors {
  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Where a vector lies. */
  enum Place {
    NATIVE(true, 0),
    NATIVE_ODD(true, 7),
    HEAP(false, 0),
    HEAP_ODD(false, 3);

    private final boolean isNative;
    private final int offset;

    Place(boolean isNative, int offset) {
      this.isNative = isNative;
      this.offset = offset;
    }

    MemorySegment allocate(long bytes) {
      MemorySegment all =
          isNative
              ? Arena.ofAuto().allocate(bytes + offset, 64)
              : MemorySegment.ofArray(new byte[(int) bytes + offset]);
      return all.asSlice(offset);
    }
  }

  private final SplittableRandom random;

  SampleVectors(long seed) {
    random = new SplittableRandom(seed);
  }

  /** Gaussian values of very different size, with a few zeros of both signs. */
  MemorySegment vector(Place place, ValueType type, long n) {
    MemorySegment x = place.allocate(n * type.bytes());
    for (long i = 0; i < n; i++) {
      float value = value();
      switch (type) {
        case FLOAT32 -> x.setAtIndex(ValueType.FLOAT, i, value);
        case BFLOAT16 -> x.setAtIndex(SHORT, i, Bfloat16.fromFloat(value));
      }
    }
    return x;
  }

  private float value() {
    return switch (random.nextInt(40)) {
      case 0 -> 0f;
      case 1 -> -0f;
      default -> (float) (random.nextGaussian() * Math.pow(10, random.nextInt(-3, 2)));
    };
  }

  /** The same values, as double. */
  static double[] values(MemorySegment x, ValueType type, long n) {
    double[] values = new double[(int) n];
    for (int i = 0; i < n; i++) {
      values[i] =
          switch (type) {
            case FLOAT32 -> x.getAtIndex(ValueType.FLOAT, i);
            case BFLOAT16 -> Bfloat16.toFloat(x.getAtIndex(SHORT, i));
          };
    }
    return values;
  }

  static MemorySegment copy(MemorySegment x, Place place) {
    MemorySegment copy = place.allocate(x.byteSize());
    copy.copyFrom(x);
    return copy;
  }

  static byte[] bytes(MemorySegment x) {
    return x.toArray(ValueLayout.JAVA_BYTE);
  }
}
