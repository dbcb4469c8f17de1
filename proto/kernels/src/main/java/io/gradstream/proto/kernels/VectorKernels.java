package io.gradstream.proto.kernels;

import static io.gradstream.proto.kernels.NativeWindows.VALUES;
import static io.gradstream.proto.kernels.ValueType.FLOAT32;
import static io.gradstream.proto.kernels.VectorSlices.rest;
import static io.gradstream.proto.kernels.VectorSlices.restOrNull;

import io.gradstream.proto.kernels.NativeWindows.Window;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The kernels with SIMD instructions: window by window the loops of {@link VectorSteps} and {@link
 * VectorSums}, and {@link ScalarKernels} for what does not fill a register at the end.
 */
final class VectorKernels implements Kernels {
  static final VectorKernels INSTANCE = new VectorKernels();

  /** Width of the widest register. */
  static final int BITS = Simd.WIDE.vectorBitSize();

  private static final ScalarKernels SCALAR = ScalarKernels.INSTANCE;
  private static final int NORM_LANES = ScalarKernels.NORM_LANES;

  private VectorKernels() {}

  @Override
  public double squaredNorm(MemorySegment x, ValueType type, long n) {
    double[] sums = new double[NORM_LANES];
    float[] lanes = new float[NORM_LANES];
    var windows = new NativeWindows(n);
    Window in = windows.on(x, type);
    for (long from = 0; from < n; from += VALUES) {
      int length = windows.length(from);
      MemorySegment values = in.read(from, length);
      for (int at = 0; at < length; at += InnerProductPass.BLOCK) {
        addSquares(values, type, at, Math.min(InnerProductPass.BLOCK, length - at), lanes, sums);
      }
    }
    windows.keep();
    return InnerProductPass.total(sums, 0, NORM_LANES);
  }

  private static void addSquares(
      MemorySegment values, ValueType type, int at, int length, float[] lanes, double[] sums) {
    int even = length / NORM_LANES * NORM_LANES;
    VectorSums.squares(values, type, at, even, lanes);
    ScalarKernels.addSquares(lanes, values, type, at + even, length - even);
    InnerProductPass.empty(lanes, 0, sums, 0, NORM_LANES);
  }

  @Override
  public void set(MemorySegment sum, MemorySegment x, ValueType type, long n) {
    convert(sum, FLOAT32, x, type, n);
  }

  @Override
  public void add(MemorySegment sum, MemorySegment x, ValueType type, long n) {
    var windows = new NativeWindows(n);
    Window sums = windows.on(sum);
    Window in = windows.on(x, type);
    for (long from = 0; from < n; from += VALUES) {
      int length = windows.length(from);
      int whole = Simd.whole(length);
      MemorySegment s = sums.read(from, length);
      MemorySegment v = in.read(from, length);
      switch (type) {
        case FLOAT32 -> VectorSteps.add(s, v, whole);
        case BFLOAT16 -> VectorSteps.addBfloat16(s, v, whole);
      }
      SCALAR.add(rest(s, whole), rest(v, type, whole), type, length - whole);
      sums.written(from, length);
    }
    windows.keep();
  }

  @Override
  public InnerProducts innerProducts(
      MemorySegment[] current, MemorySegment[] previous, @Nullable MemorySegment momentum, long n) {
    return new InnerProductPass(current, previous, momentum, n)
        .run(VectorSums::tile, VectorSums::pair);
  }

  /**
   * Window by window: first the sum, two vectors at a time, then what goes out; the usual case, an
   * even number of vectors and float32, in one loop with the last two.
   */
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
    var windows = new NativeWindows(n);
    Window result = windows.on(out, outType);
    Window[] in = new Window[x.length];
    for (int j = 0; j < x.length; j++) {
      in[j] = windows.on(x[j]);
    }
    Window m = momentum == null ? null : windows.on(momentum);
    MemorySegment buffer = windows.buffer(FLOAT32);
    for (long from = 0; from < n; from += VALUES) {
      int length = windows.length(from);
      MemorySegment sum = m == null ? buffer.fill((byte) 0) : m.read(from, length);
      MemorySegment unified = result.place(from, length);
      float decay = m == null ? 1f : beta;
      if (outType == FLOAT32 && x.length > 0 && x.length % 2 == 0) {
        int last = x.length - 2;
        fold(sum, decay, in, c, last, from, length);
        float rest = last == 0 ? decay : 1f;
        foldOut(sum, rest, in, c, unified, scale, from, length);
      } else {
        fold(sum, decay, in, c, x.length, from, length);
        scale(unified, outType, sum, scale, length);
      }
      if (m != null) {
        m.written(from, length);
      }
      result.written(from, length);
    }
    windows.keep();
  }

  /** {@code sum = beta*sum + c[0]*x[0] + ...} for a window and the first {@code count} vectors. */
  private static void fold(
      MemorySegment sum, float beta, Window[] x, float[] c, int count, long from, int length) {
    int whole = Simd.whole(length);
    if (x.length == 0) {
      scale(sum, FLOAT32, sum, beta, length);
    }
    for (int j = 0; j < count; j += 2) {
      float decay = j == 0 ? beta : 1f;
      MemorySegment first = x[j].read(from, length);
      if (j + 1 < count) {
        MemorySegment second = x[j + 1].read(from, length);
        VectorSteps.fold(sum, decay, first, c[j], second, c[j + 1], whole);
        ScalarKernels.fold(sum, decay, first, c[j], whole, length);
        ScalarKernels.fold(sum, 1f, second, c[j + 1], whole, length);
      } else {
        VectorSteps.fold(sum, decay, first, c[j], whole);
        ScalarKernels.fold(sum, decay, first, c[j], whole, length);
      }
    }
  }

  /** {@code sum = beta*sum + ...; out = scale*sum} for a window and the last two vectors. */
  private static void foldOut(
      MemorySegment sum,
      float beta,
      Window[] x,
      float[] c,
      MemorySegment out,
      float scale,
      long from,
      int length) {
    int j = x.length - 2;
    int whole = Simd.whole(length);
    MemorySegment first = x[j].read(from, length);
    MemorySegment second = x[j + 1].read(from, length);
    VectorSteps.foldOut(sum, beta, first, c[j], second, c[j + 1], out, scale, whole);
    if (whole < length) {
      ScalarKernels.fold(sum, beta, first, c[j], whole, length);
      ScalarKernels.fold(sum, 1f, second, c[j + 1], whole, length);
      SCALAR.scale(rest(out, whole), FLOAT32, rest(sum, whole), scale, length - whole);
    }
  }

  @Override
  public void scale(MemorySegment out, ValueType outType, MemorySegment x, float scale, long n) {
    var windows = new NativeWindows(n);
    Window result = windows.on(out, outType);
    Window in = windows.on(x);
    for (long from = 0; from < n; from += VALUES) {
      int length = windows.length(from);
      scale(result.place(from, length), outType, in.read(from, length), scale, length);
      result.written(from, length);
    }
    windows.keep();
  }

  private static void scale(
      MemorySegment out, ValueType outType, MemorySegment x, float scale, int length) {
    int whole = Simd.whole(length);
    switch (outType) {
      case FLOAT32 -> VectorSteps.scale(out, x, scale, whole);
      case BFLOAT16 -> VectorSteps.scaleToBfloat16(out, x, scale, whole);
    }
    SCALAR.scale(rest(out, outType, whole), outType, rest(x, whole), scale, length - whole);
  }

  @Override
  public void convert(
      MemorySegment out, ValueType outType, MemorySegment x, ValueType xType, long n) {
    if (outType == xType) {
      SCALAR.convert(out, outType, x, xType, n);
      return;
    }
    var windows = new NativeWindows(n);
    Window result = windows.on(out, outType);
    Window in = windows.on(x, xType);
    for (long from = 0; from < n; from += VALUES) {
      int length = windows.length(from);
      convert(result.place(from, length), outType, in.read(from, length), xType, length);
      result.written(from, length);
    }
    windows.keep();
  }

  private static void convert(
      MemorySegment out, ValueType outType, MemorySegment x, ValueType xType, int length) {
    int whole = Simd.whole(length);
    switch (outType) {
      case FLOAT32 -> VectorSteps.widen(out, x, whole);
      case BFLOAT16 -> VectorSteps.narrow(out, x, whole);
    }
    SCALAR.convert(
        rest(out, outType, whole), outType, rest(x, xType, whole), xType, length - whole);
  }

  @Override
  public void sgd(
      MemorySegment theta,
      MemorySegment u,
      ValueType uType,
      @Nullable MemorySegment velocity,
      SgdStep step,
      long n) {
    var windows = new NativeWindows(n);
    Window weights = windows.on(theta);
    Window moving = velocity == null ? null : windows.on(velocity);
    Float32Window gradient = float32(windows, u, uType);
    for (long from = 0; from < n; from += VALUES) {
      int length = windows.length(from);
      int whole = Simd.whole(length);
      MemorySegment w = weights.read(from, length);
      MemorySegment g = gradient.read(from, length);
      MemorySegment b = moving == null ? null : moving.read(from, length);
      if (b == null) {
        VectorSteps.sgd(w, g, step, whole);
      } else {
        VectorSteps.sgd(w, g, b, step, whole);
      }
      MemorySegment restOfB = restOrNull(b, whole);
      SCALAR.sgd(rest(w, whole), rest(g, whole), FLOAT32, restOfB, step, length - whole);
      written(from, length, weights, moving);
    }
    windows.keep();
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
    var windows = new NativeWindows(n);
    Window weights = windows.on(theta);
    Window firsts = m == null ? null : windows.on(m);
    Window seconds = windows.on(v);
    Float32Window gradient = float32(windows, u, uType);
    for (long from = 0; from < n; from += VALUES) {
      int length = windows.length(from);
      int whole = Simd.whole(length);
      MemorySegment w = weights.read(from, length);
      MemorySegment g = gradient.read(from, length);
      MemorySegment first = firsts == null ? null : firsts.read(from, length);
      MemorySegment second = seconds.read(from, length);
      if (first != null) {
        VectorSteps.firstMoment(first, g, step, whole);
      }
      VectorSteps.adamw(w, g, first == null ? g : first, second, step, whole);
      SCALAR.adamw(
          rest(w, whole),
          rest(g, whole),
          FLOAT32,
          restOrNull(first, whole),
          rest(second, whole),
          step,
          length - whole);
      written(from, length, weights, firsts, seconds);
    }
    windows.keep();
  }

  @Override
  public void signStep(
      MemorySegment theta, MemorySegment u, ValueType uType, float step, float decay, long n) {
    var windows = new NativeWindows(n);
    Window weights = windows.on(theta);
    Float32Window gradient = float32(windows, u, uType);
    for (long from = 0; from < n; from += VALUES) {
      int length = windows.length(from);
      int whole = Simd.whole(length);
      MemorySegment w = weights.read(from, length);
      MemorySegment g = gradient.read(from, length);
      VectorSteps.sign(w, g, step, decay, whole);
      SCALAR.signStep(rest(w, whole), rest(g, whole), FLOAT32, step, decay, length - whole);
      weights.written(from, length);
    }
    windows.keep();
  }

  private static void written(long from, int length, @Nullable Window... changed) {
    for (Window window : changed) {
      if (window != null) {
        window.written(from, length);
      }
    }
  }

  private interface Float32Window {
    MemorySegment read(long from, int length);
  }

  /** A vector of any type, read as float32. */
  private static Float32Window float32(NativeWindows windows, MemorySegment x, ValueType type) {
    Window in = windows.on(x, type);
    if (type == FLOAT32) {
      return in::read;
    }
    MemorySegment buffer = windows.buffer(FLOAT32);
    return (from, length) -> {
      convert(buffer, FLOAT32, in.read(from, length), type, length);
      return buffer;
    };
  }
}
