package io.gradstream.proto.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The kernels in plain Java. They define the results of the other kernels, and are the fallback.
 */
final class ScalarKernels implements Kernels {
  static final ScalarKernels INSTANCE = new ScalarKernels();

  /** Lanes of {@link #squaredNorm}: twice the usual, since a lone sum waits for itself. */
  static final int NORM_LANES = 32;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private ScalarKernels() {}

  @Override
  public double squaredNorm(MemorySegment x, ValueType type, long n) {
    MemorySegment values = VectorSlices.of(x, type, n);
    double[] sums = new double[NORM_LANES];
    for (long from = 0; from < n; from += InnerProductPass.BLOCK) {
      int length = (int) Math.min(InnerProductPass.BLOCK, n - from);
      float[] lanes = new float[NORM_LANES];
      addSquares(lanes, values, type, from, length);
      InnerProductPass.empty(lanes, 0, sums, 0, NORM_LANES);
    }
    return InnerProductPass.total(sums, 0, NORM_LANES);
  }

  /** Adds squares to the lanes; {@code from} is a multiple of the lanes. */
  static void addSquares(
      float[] lanes, MemorySegment values, ValueType type, long from, int length) {
    for (int i = 0; i < length; i++) {
      float value = load(values, type, from + i);
      int lane = i % NORM_LANES;
      lanes[lane] = Math.fma(value, value, lanes[lane]);
    }
  }

  @Override
  public void set(MemorySegment sum, MemorySegment x, ValueType type, long n) {
    convert(sum, ValueType.FLOAT32, x, type, n);
  }

  @Override
  public void add(MemorySegment sum, MemorySegment x, ValueType type, long n) {
    MemorySegment out = VectorSlices.of(sum, ValueType.FLOAT32, n);
    MemorySegment in = VectorSlices.of(x, type, n);
    for (long i = 0; i < n; i++) {
      store(out, i, load(out, i) + load(in, type, i));
    }
  }

  @Override
  public InnerProducts innerProducts(
      MemorySegment[] current, MemorySegment[] previous, @Nullable MemorySegment momentum, long n) {
    return new InnerProductPass(current, previous, momentum, n).run(ScalarKernels::tile);
  }

  private static void tile(float[] block, int[] at, int length, float[] lanes) {
    Arrays.fill(lanes, 0f);
    for (int product = 0; product < InnerProductPass.PRODUCTS; product++) {
      int row = at[product / InnerProductPass.COLUMNS];
      int column = at[InnerProductPass.ROWS + product % InnerProductPass.COLUMNS];
      int sums = product * InnerProductPass.LANES;
      for (int i = 0; i < length; i += InnerProductPass.LANES) {
        for (int lane = 0; lane < InnerProductPass.LANES; lane++) {
          lanes[sums + lane] =
              Math.fma(block[row + i + lane], block[column + i + lane], lanes[sums + lane]);
        }
      }
    }
  }

  @Override
  public void combine(
      MemorySegment out,
      ValueType outType,
      MemorySegment[] x,
      float[] c,
      @Nullable MemorySegment momentum,
      float beta,
      float scale,
      long n) {
    MemorySegment result = VectorSlices.of(out, outType, n);
    MemorySegment[] in = VectorSlices.of(x, n);
    MemorySegment m = VectorSlices.ofNullable(momentum, n);
    for (long i = 0; i < n; i++) {
      float sum = m == null ? 0f : load(m, i) * beta;
      for (int j = 0; j < in.length; j++) {
        sum = Math.fma(load(in[j], i), c[j], sum);
      }
      if (m != null) {
        store(m, i, sum);
      }
      store(result, outType, i, sum * scale);
    }
  }

  /** {@code sum = beta*sum + c*x} for the values from {@code from} to {@code to}. */
  static void fold(MemorySegment sum, float beta, MemorySegment x, float c, long from, long to) {
    for (long i = from; i < to; i++) {
      store(sum, i, Math.fma(load(x, i), c, load(sum, i) * beta));
    }
  }

  @Override
  public void scale(MemorySegment out, ValueType outType, MemorySegment x, float scale, long n) {
    MemorySegment result = VectorSlices.of(out, outType, n);
    MemorySegment in = VectorSlices.of(x, ValueType.FLOAT32, n);
    for (long i = 0; i < n; i++) {
      store(result, outType, i, load(in, i) * scale);
    }
  }

  @Override
  public void convert(
      MemorySegment out, ValueType outType, MemorySegment x, ValueType xType, long n) {
    MemorySegment result = VectorSlices.of(out, outType, n);
    MemorySegment in = VectorSlices.of(x, xType, n);
    if (outType == xType) {
      result.copyFrom(in);
      return;
    }
    for (long i = 0; i < n; i++) {
      store(result, outType, i, load(in, xType, i));
    }
  }

  @Override
  public void sgd(
      MemorySegment theta,
      MemorySegment u,
      ValueType uType,
      @Nullable MemorySegment velocity,
      SgdStep step,
      long n) {
    MemorySegment weights = VectorSlices.of(theta, ValueType.FLOAT32, n);
    MemorySegment in = VectorSlices.of(u, uType, n);
    MemorySegment moving = VectorSlices.ofNullable(velocity, n);
    for (long i = 0; i < n; i++) {
      float value = load(weights, i);
      float direction = Math.fma(value, step.weightDecay(), load(in, uType, i));
      if (moving != null) {
        direction = Math.fma(load(moving, i), step.momentum(), direction);
        store(moving, i, direction);
      }
      store(weights, i, Math.fma(direction, -step.learningRate(), value));
    }
  }

  @Override
  public void adamw(
      MemorySegment theta,
      MemorySegment u,
      ValueType uType,
      @Nullable MemorySegment m,
      MemorySegment v,
      AdamWStep step,
      long n) {
    MemorySegment weights = VectorSlices.of(theta, ValueType.FLOAT32, n);
    MemorySegment in = VectorSlices.of(u, uType, n);
    MemorySegment first = VectorSlices.ofNullable(m, n);
    MemorySegment second = VectorSlices.of(v, ValueType.FLOAT32, n);
    for (long i = 0; i < n; i++) {
      float gradient = load(in, uType, i);
      float mean = gradient;
      if (first != null) {
        mean = Math.fma(load(first, i), step.beta1(), gradient * step.gain1());
        store(first, i, mean);
      }
      float square = Math.fma(load(second, i), step.beta2(), gradient * gradient * step.gain2());
      store(second, i, square);
      float root = Math.fma((float) Math.sqrt(square), step.rootCorrection(), step.eps());
      float value = load(weights, i) * step.decay();
      store(weights, i, Math.fma(mean / root, -step.stepSize(), value));
    }
  }

  @Override
  public void signStep(
      MemorySegment theta, MemorySegment u, ValueType uType, float step, float decay, long n) {
    MemorySegment weights = VectorSlices.of(theta, ValueType.FLOAT32, n);
    MemorySegment in = VectorSlices.of(u, uType, n);
    for (long i = 0; i < n; i++) {
      float direction = load(in, uType, i);
      float move = direction > 0 ? -step : direction < 0 ? step : 0f;
      store(weights, i, Math.fma(load(weights, i), decay, move));
    }
  }

  private static float load(MemorySegment x, long i) {
    return x.get(ValueType.FLOAT, i * Float.BYTES);
  }

  private static float load(MemorySegment x, ValueType type, long i) {
    return switch (type) {
      case FLOAT32 -> load(x, i);
      case BFLOAT16 -> Bfloat16.toFloat(x.get(SHORT, i * Short.BYTES));
    };
  }

  private static void store(MemorySegment x, long i, float value) {
    x.set(ValueType.FLOAT, i * Float.BYTES, value);
  }

  private static void store(MemorySegment x, ValueType type, long i, float value) {
    switch (type) {
      case FLOAT32 -> store(x, i, value);
      case BFLOAT16 -> x.set(SHORT, i * Short.BYTES, Bfloat16.fromFloat(value));
    }
  }
}
