package io.gradstream.proto.kernels;

import static io.gradstream.proto.kernels.Simd.F;
import static io.gradstream.proto.kernels.Simd.L;
import static io.gradstream.proto.kernels.Simd.load;
import static io.gradstream.proto.kernels.Simd.loadBfloat16;
import static io.gradstream.proto.kernels.Simd.store;
import static io.gradstream.proto.kernels.Simd.storeBfloat16;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The elementwise loops of {@link VectorKernels}, over {@code whole} values that fill registers.
 * Segments are off-heap ones, see {@link NativeWindows}, and float32 unless the name says
 * otherwise.
 */
final class VectorSteps {
  private VectorSteps() {}

  static void add(MemorySegment sum, MemorySegment x, int whole) {
    for (int i = 0; i < whole; i += L) {
      store(load(sum, i).add(load(x, i)), sum, i);
    }
  }

  static void addBfloat16(MemorySegment sum, MemorySegment x, int whole) {
    for (int i = 0; i < whole; i += L) {
      store(load(sum, i).add(loadBfloat16(x, i)), sum, i);
    }
  }

  static void widen(MemorySegment out, MemorySegment x, int whole) {
    for (int i = 0; i < whole; i += L) {
      store(loadBfloat16(x, i), out, i);
    }
  }

  static void narrow(MemorySegment out, MemorySegment x, int whole) {
    for (int i = 0; i < whole; i += L) {
      storeBfloat16(load(x, i), out, i);
    }
  }

  static void scale(MemorySegment out, MemorySegment x, float scale, int whole) {
    for (int i = 0; i < whole; i += L) {
      store(load(x, i).mul(scale), out, i);
    }
  }

  static void scaleToBfloat16(MemorySegment out, MemorySegment x, float scale, int whole) {
    for (int i = 0; i < whole; i += L) {
      storeBfloat16(load(x, i).mul(scale), out, i);
    }
  }

  /** {@code sum = beta*sum + c*x}. */
  static void fold(MemorySegment sum, float beta, MemorySegment x, float c, int whole) {
    FloatVector factor = FloatVector.broadcast(F, c);
    for (int i = 0; i < whole; i += L) {
      store(load(x, i).fma(factor, load(sum, i).mul(beta)), sum, i);
    }
  }

  /** {@code sum = beta*sum + c*x + d*y}. */
  static void fold(
      MemorySegment sum,
      float beta,
      MemorySegment x,
      float c,
      MemorySegment y,
      float d,
      int whole) {
    FloatVector ofX = FloatVector.broadcast(F, c);
    FloatVector ofY = FloatVector.broadcast(F, d);
    for (int i = 0; i < whole; i += L) {
      store(folded(sum, beta, x, ofX, y, ofY, i), sum, i);
    }
  }

  /** {@code sum = beta*sum + c*x + d*y; out = scale*sum}, while sum is in registers. */
  static void foldOut(
      MemorySegment sum,
      float beta,
      MemorySegment x,
      float c,
      MemorySegment y,
      float d,
      MemorySegment out,
      float scale,
      int whole) {
    FloatVector ofX = FloatVector.broadcast(F, c);
    FloatVector ofY = FloatVector.broadcast(F, d);
    for (int i = 0; i < whole; i += L) {
      FloatVector values = folded(sum, beta, x, ofX, y, ofY, i);
      store(values, sum, i);
      store(values.mul(scale), out, i);
    }
  }

  private static FloatVector folded(
      MemorySegment sum,
      float beta,
      MemorySegment x,
      FloatVector ofX,
      MemorySegment y,
      FloatVector ofY,
      int i) {
    return load(y, i).fma(ofY, load(x, i).fma(ofX, load(sum, i).mul(beta)));
  }

  static void sgd(MemorySegment theta, MemorySegment u, SgdStep step, int whole) {
    FloatVector decay = FloatVector.broadcast(F, step.weightDecay());
    FloatVector rate = FloatVector.broadcast(F, -step.learningRate());
    for (int i = 0; i < whole; i += L) {
      FloatVector value = load(theta, i);
      FloatVector direction = value.fma(decay, load(u, i));
      store(direction.fma(rate, value), theta, i);
    }
  }

  static void sgd(
      MemorySegment theta, MemorySegment u, MemorySegment velocity, SgdStep step, int whole) {
    FloatVector decay = FloatVector.broadcast(F, step.weightDecay());
    FloatVector rate = FloatVector.broadcast(F, -step.learningRate());
    FloatVector momentum = FloatVector.broadcast(F, step.momentum());
    for (int i = 0; i < whole; i += L) {
      FloatVector value = load(theta, i);
      FloatVector gradient = value.fma(decay, load(u, i));
      FloatVector direction = load(velocity, i).fma(momentum, gradient);
      store(direction, velocity, i);
      store(direction.fma(rate, value), theta, i);
    }
  }

  /** Moves a moment: {@code m = beta1*m + gain1*u}. */
  static void firstMoment(MemorySegment m, MemorySegment u, AdamWStep step, int whole) {
    FloatVector beta = FloatVector.broadcast(F, step.beta1());
    for (int i = 0; i < whole; i += L) {
      store(load(m, i).fma(beta, load(u, i).mul(step.gain1())), m, i);
    }
  }

  /** {@code v = beta2*v + gain2*u*u}, and theta moves by the mean over its root. */
  static void adamw(
      MemorySegment theta,
      MemorySegment u,
      MemorySegment mean,
      MemorySegment v,
      AdamWStep step,
      int whole) {
    FloatVector beta = FloatVector.broadcast(F, step.beta2());
    FloatVector correction = FloatVector.broadcast(F, step.rootCorrection());
    FloatVector eps = FloatVector.broadcast(F, step.eps());
    FloatVector rate = FloatVector.broadcast(F, -step.stepSize());
    for (int i = 0; i < whole; i += L) {
      FloatVector gradient = load(u, i);
      FloatVector square = load(v, i).fma(beta, gradient.mul(gradient).mul(step.gain2()));
      store(square, v, i);
      FloatVector root = square.sqrt().fma(correction, eps);
      FloatVector decayed = load(theta, i).mul(step.decay());
      store(load(mean, i).div(root).fma(rate, decayed), theta, i);
    }
  }

  static void sign(MemorySegment theta, MemorySegment u, float step, float decay, int whole) {
    FloatVector factor = FloatVector.broadcast(F, decay);
    FloatVector none = FloatVector.zero(F);
    FloatVector down = FloatVector.broadcast(F, -step);
    FloatVector up = FloatVector.broadcast(F, step);
    for (int i = 0; i < whole; i += L) {
      FloatVector direction = load(u, i);
      FloatVector move =
          none.blend(down, direction.compare(GT, 0f)).blend(up, direction.compare(LT, 0f));
      store(load(theta, i).fma(factor, move), theta, i);
    }
  }
}
