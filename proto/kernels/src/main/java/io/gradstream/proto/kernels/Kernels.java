package io.gradstream.proto.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * All arithmetic on long vectors: accumulation, inner products, combination, conversion and the
 * optimizers' elementwise steps.
 *
 * <p>There are two implementations and they agree to the bit, so that a run's weights depend
 * neither on the machine's vector width nor on whether the Vector API is there. They do so by
 * construction:
 *
 * <ul>
 *   <li>An elementwise kernel is the same sequence of float32 operations for each value; where the
 *       formula has a product in a sum it is a fused multiply-add in both.
 *   <li>A sum runs in {@linkplain InnerProductPass#LANES a fixed number of virtual lanes} and fixed
 *       blocks: value i of a block is added to lane {@code i mod lanes} by a fused multiply-add. At
 *       the end of a block each lane is added to a double of its own, and at the end these are
 *       added in a fixed tree. A vector register holds some of the lanes, a scalar loop one.
 * </ul>
 *
 * <p>The one thing not promised is which NaN comes out where a NaN goes in.
 *
 * <p>Vectors are memory segments of little-endian values, off-heap or over a byte array, at any
 * alignment. They hold at least {@code n} values, else {@link IndexOutOfBoundsException} before
 * anything is written. Output may be the very segment of an input, but must not overlap it
 * otherwise. Implementations have no state: any thread may call them, on segments it owns.
 */
public sealed interface Kernels permits ScalarKernels, VectorKernels {

  /** The fastest kernels of this machine; chosen once, with one line in the log. */
  static Kernels best() {
    return KernelChoice.best();
  }

  /** Kernels in plain Java. */
  static Kernels scalar() {
    return ScalarKernels.INSTANCE;
  }

  /**
   * The sum of squares. It is NaN or Infinity exactly if a value is not finite, or so large (1e18
   * and more) that squares overflow float32; so it is also the check that a vector is sound.
   */
  double squaredNorm(MemorySegment x, ValueType type, long n);

  /** {@code sum = x}, as float32. */
  void set(MemorySegment sum, MemorySegment x, ValueType type, long n);

  /** {@code sum = sum + x}, in float32. */
  void add(MemorySegment sum, MemorySegment x, ValueType type, long n);

  /**
   * All inner products of a round's vectors (float32), read once from memory.
   *
   * @param current N vectors
   * @param previous N vectors, or none
   */
  InnerProducts innerProducts(
      MemorySegment[] current, MemorySegment[] previous, @Nullable MemorySegment momentum, long n);

  /**
   * {@code momentum = beta*momentum + c[0]*x[0] + c[1]*x[1] + ...; out = scale*momentum}, added
   * from the left. Without momentum {@code out = scale*(c[0]*x[0] + ...)}.
   *
   * @param momentum float32, changed in place
   */
  void combine(
      MemorySegment out,
      ValueType outType,
      MemorySegment[] x,
      float[] c,
      @Nullable MemorySegment momentum,
      float beta,
      float scale,
      long n);

  /** {@code out = scale*x}, x in float32. */
  void scale(MemorySegment out, ValueType outType, MemorySegment x, float scale, long n);

  /** {@code out = x}, bfloat16 rounded as by {@link Bfloat16#fromFloat}. */
  void convert(MemorySegment out, ValueType outType, MemorySegment x, ValueType xType, long n);

  /**
   * A step of stochastic gradient descent, see {@link SgdStep}.
   *
   * @param theta float32, changed in place
   * @param velocity float32, changed in place; null for none
   */
  void sgd(
      MemorySegment theta,
      MemorySegment u,
      ValueType uType,
      @Nullable MemorySegment velocity,
      SgdStep step,
      long n);

  /**
   * A step of AdamW, see {@link AdamWStep}.
   *
   * @param theta float32, changed in place
   * @param m first moment, float32, changed in place; null means that u takes its place (beta1 = 0)
   * @param v second moment, float32, changed in place
   */
  void adamw(
      MemorySegment theta,
      MemorySegment u,
      ValueType uType,
      @Nullable MemorySegment m,
      MemorySegment v,
      AdamWStep step,
      long n);

  /**
   * {@code theta = decay*theta - step*sign(u)}, the sign of 0 being 0.
   *
   * @param theta float32, changed in place
   */
  void signStep(
      MemorySegment theta, MemorySegment u, ValueType uType, float step, float decay, long n);
}
