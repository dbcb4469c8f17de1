package io.gradstream.proto.kernels;

import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Registers: their width, and how values get in and out of them.
 *
 * <p>The species are constants, else the compiler cannot turn vectors into registers. A register
 * has 4, 8 or 16 floats, so that the 16 virtual lanes of a sum are a whole number of registers.
 */
final class Simd {
  /** The widest registers, for arithmetic on what is in cache. */
  static final VectorSpecies<Float> WIDE =
      switch (FloatVector.SPECIES_PREFERRED.length()) {
        case 4, 8, 16 -> FloatVector.SPECIES_PREFERRED;
        case 2 -> FloatVector.SPECIES_128;
        default -> FloatVector.SPECIES_512;
      };

  /**
   * The registers for what comes from memory: at most half a cache line. Sequential loads of whole
   * lines were seen to run at 9 GB/s where loads of halves ran at 22 (Zen 4), since the prefetcher
   * follows lines that are touched twice.
   */
  static final VectorSpecies<Float> F = WIDE.length() > 8 ? FloatVector.SPECIES_256 : WIDE;

  private static final VectorSpecies<Integer> I = F.withLanes(int.class);
  private static final VectorSpecies<Short> S =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

  /** Floats in a register of {@link #F}. */
  static final int L = F.length();

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final int QUIET_NAN = 0x40;

  /**
   * All memory there is. Loads and stores go through it by address: through the vectors' own
   * segments each would check bounds and liveness, and whether the compiler gets those checks out
   * of a loop depends on what else has run before. A loop over four vectors was seen to run at 12
   * to 21 GB/s with them, and at 33 without.
   *
   * <p>So the kernels check lengths before their loops, and keep vectors reachable until after.
   */
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private Simd() {}

  /** The values of {@code n} that fill whole registers. */
  static int whole(int n) {
    return n / L * L;
  }

  static FloatVector load(MemorySegment x, long i) {
    return FloatVector.fromMemorySegment(F, ALL, address(x, i, Float.BYTES), ORDER);
  }

  static FloatVector loadBfloat16(MemorySegment x, long i) {
    ShortVector upper = ShortVector.fromMemorySegment(S, ALL, address(x, i, Short.BYTES), ORDER);
    var bits = (IntVector) upper.convertShape(ZERO_EXTEND_S2I, I, 0);
    return bits.lanewise(LSHL, Short.SIZE).reinterpretAsFloats();
  }

  static void store(FloatVector values, MemorySegment x, long i) {
    values.intoMemorySegment(ALL, address(x, i, Float.BYTES), ORDER);
  }

  /** Rounds as {@link Bfloat16#fromFloat} does. */
  static void storeBfloat16(FloatVector values, MemorySegment x, long i) {
    IntVector bits = values.reinterpretAsInts();
    IntVector upper = bits.lanewise(LSHR, Short.SIZE);
    IntVector rounded = bits.add(0x7FFF).add(upper.and(1)).lanewise(LSHR, Short.SIZE);
    var isNan = values.compare(NE, values).cast(I);
    IntVector result = rounded.blend(upper.or(QUIET_NAN), isNan);
    ((ShortVector) result.convertShape(I2S, S, 0))
        .intoMemorySegment(ALL, address(x, i, Short.BYTES), ORDER);
  }

  /** Where the register of values begins whose first is {@code i}. */
  private static long address(MemorySegment x, long i, int bytes) {
    assert x.isNative() : "heap segments have no address";
    assert i >= 0 && (i + L) * bytes <= x.byteSize()
        : "values " + i + " to " + (i + L) + " of " + x;
    return x.address() + i * bytes;
  }
}
