package io.gradstream.proto.kernels;

import static io.gradstream.proto.kernels.Simd.F;
import static io.gradstream.proto.kernels.Simd.L;
import static io.gradstream.proto.kernels.Simd.WIDE;
import static io.gradstream.proto.kernels.Simd.load;
import static io.gradstream.proto.kernels.Simd.loadBfloat16;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The sums of {@link VectorKernels}, a block at a time.
 *
 * <p>Where a register holds only a part of the virtual lanes, the loop over the block runs once for
 * each part: that costs no memory traffic, since the block is in cache, and needs equally many
 * registers at every width.
 */
@SuppressWarnings("NarrowCalculation") // places inside a block are small
final class VectorSums {
  private static final int LANES = InnerProductPass.LANES;
  private static final int NORM_LANES = ScalarKernels.NORM_LANES;

  /**
   * Values after which {@link #pair} comes back for the next part of the lanes: few enough that the
   * processor is still waiting for one part's memory when it gets to the next, which is in cache.
   */
  private static final int STRETCH = 128;

  private VectorSums() {}

  /** Sets the lanes to the sums of squares of a block whose length is a multiple of them. */
  static void squares(MemorySegment x, ValueType type, long from, int length, float[] lanes) {
    for (int part = 0; part < NORM_LANES; part += 4 * L) {
      switch (type) {
        case FLOAT32 -> squaresOfFloat32(x, from + part, length, lanes, part);
        case BFLOAT16 -> squaresOfBfloat16(x, from + part, length, lanes, part);
      }
    }
  }

  private static void squaresOfFloat32(
      MemorySegment x, long from, int length, float[] lanes, int part) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    for (int i = 0; i < length; i += NORM_LANES) {
      FloatVector x0 = load(x, from + i);
      FloatVector x1 = load(x, from + i + L);
      FloatVector x2 = load(x, from + i + 2 * L);
      FloatVector x3 = load(x, from + i + 3 * L);
      s0 = x0.fma(x0, s0);
      s1 = x1.fma(x1, s1);
      s2 = x2.fma(x2, s2);
      s3 = x3.fma(x3, s3);
    }
    store(s0, s1, s2, s3, lanes, part);
  }

  private static void squaresOfBfloat16(
      MemorySegment x, long from, int length, float[] lanes, int part) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    for (int i = 0; i < length; i += NORM_LANES) {
      FloatVector x0 = loadBfloat16(x, from + i);
      FloatVector x1 = loadBfloat16(x, from + i + L);
      FloatVector x2 = loadBfloat16(x, from + i + 2 * L);
      FloatVector x3 = loadBfloat16(x, from + i + 3 * L);
      s0 = x0.fma(x0, s0);
      s1 = x1.fma(x1, s1);
      s2 = x2.fma(x2, s2);
      s3 = x3.fma(x3, s3);
    }
    store(s0, s1, s2, s3, lanes, part);
  }

  private static void store(
      FloatVector s0, FloatVector s1, FloatVector s2, FloatVector s3, float[] lanes, int part) {
    s0.intoArray(lanes, part);
    s1.intoArray(lanes, part + L);
    s2.intoArray(lanes, part + 2 * L);
    s3.intoArray(lanes, part + 3 * L);
  }

  /** An {@link InnerProductPass.Tile}. */
  static void tile(float[] block, int[] at, int length, float[] lanes) {
    for (int part = 0; part < LANES; part += WIDE.length()) {
      tilePart(block, at, part, length, lanes);
    }
  }

  private static void tilePart(float[] block, int[] at, int part, int length, float[] lanes) {
    int row0 = at[0] + part;
    int row1 = at[1] + part;
    int row2 = at[2] + part;
    int row3 = at[3] + part;
    int column0 = at[4] + part;
    int column1 = at[5] + part;
    FloatVector s00 = FloatVector.zero(WIDE);
    FloatVector s01 = FloatVector.zero(WIDE);
    FloatVector s10 = FloatVector.zero(WIDE);
    FloatVector s11 = FloatVector.zero(WIDE);
    FloatVector s20 = FloatVector.zero(WIDE);
    FloatVector s21 = FloatVector.zero(WIDE);
    FloatVector s30 = FloatVector.zero(WIDE);
    FloatVector s31 = FloatVector.zero(WIDE);
    for (int i = 0; i < length; i += LANES) {
      FloatVector c0 = FloatVector.fromArray(WIDE, block, column0 + i);
      FloatVector c1 = FloatVector.fromArray(WIDE, block, column1 + i);
      FloatVector r0 = FloatVector.fromArray(WIDE, block, row0 + i);
      FloatVector r1 = FloatVector.fromArray(WIDE, block, row1 + i);
      FloatVector r2 = FloatVector.fromArray(WIDE, block, row2 + i);
      FloatVector r3 = FloatVector.fromArray(WIDE, block, row3 + i);
      s00 = r0.fma(c0, s00);
      s01 = r0.fma(c1, s01);
      s10 = r1.fma(c0, s10);
      s11 = r1.fma(c1, s11);
      s20 = r2.fma(c0, s20);
      s21 = r2.fma(c1, s21);
      s30 = r3.fma(c0, s30);
      s31 = r3.fma(c1, s31);
    }
    s00.intoArray(lanes, part);
    s01.intoArray(lanes, LANES + part);
    s10.intoArray(lanes, 2 * LANES + part);
    s11.intoArray(lanes, 3 * LANES + part);
    s20.intoArray(lanes, 4 * LANES + part);
    s21.intoArray(lanes, 5 * LANES + part);
    s30.intoArray(lanes, 6 * LANES + part);
    s31.intoArray(lanes, 7 * LANES + part);
  }

  /** An {@link InnerProductPass.Pair}. */
  static void pair(MemorySegment[] vectors, long from, float[] lanes) {
    Arrays.fill(lanes, 0f);
    for (int at = 0; at < InnerProductPass.BLOCK; at += STRETCH) {
      for (int part = 0; part < LANES; part += L) {
        pairPart(vectors, from + at + part, part, lanes);
      }
    }
  }

  private static void pairPart(MemorySegment[] vectors, long from, int part, float[] lanes) {
    MemorySegment current0 = vectors[0];
    MemorySegment current1 = vectors[1];
    MemorySegment previous0 = vectors[2];
    MemorySegment previous1 = vectors[3];
    MemorySegment momentum = vectors[4];
    FloatVector s0 = FloatVector.fromArray(F, lanes, part);
    FloatVector s1 = FloatVector.fromArray(F, lanes, LANES + part);
    FloatVector s2 = FloatVector.fromArray(F, lanes, 2 * LANES + part);
    FloatVector s3 = FloatVector.fromArray(F, lanes, 3 * LANES + part);
    FloatVector s4 = FloatVector.fromArray(F, lanes, 4 * LANES + part);
    FloatVector s5 = FloatVector.fromArray(F, lanes, 5 * LANES + part);
    FloatVector s6 = FloatVector.fromArray(F, lanes, 6 * LANES + part);
    FloatVector s7 = FloatVector.fromArray(F, lanes, 7 * LANES + part);
    FloatVector s8 = FloatVector.fromArray(F, lanes, 8 * LANES + part);
    FloatVector s9 = FloatVector.fromArray(F, lanes, 9 * LANES + part);
    for (int i = 0; i < STRETCH; i += LANES) {
      FloatVector c0 = load(current0, from + i);
      FloatVector c1 = load(current1, from + i);
      FloatVector p0 = load(previous0, from + i);
      FloatVector p1 = load(previous1, from + i);
      FloatVector m = load(momentum, from + i);
      s0 = c0.fma(c0, s0);
      s1 = c0.fma(c1, s1);
      s2 = c1.fma(c1, s2);
      s3 = c0.fma(p0, s3);
      s4 = c0.fma(p1, s4);
      s5 = c1.fma(p0, s5);
      s6 = c1.fma(p1, s6);
      s7 = c0.fma(m, s7);
      s8 = c1.fma(m, s8);
      s9 = m.fma(m, s9);
    }
    s0.intoArray(lanes, part);
    s1.intoArray(lanes, LANES + part);
    s2.intoArray(lanes, 2 * LANES + part);
    s3.intoArray(lanes, 3 * LANES + part);
    s4.intoArray(lanes, 4 * LANES + part);
    s5.intoArray(lanes, 5 * LANES + part);
    s6.intoArray(lanes, 6 * LANES + part);
    s7.intoArray(lanes, 7 * LANES + part);
    s8.intoArray(lanes, 8 * LANES + part);
    s9.intoArray(lanes, 9 * LANES + part);
  }
}
