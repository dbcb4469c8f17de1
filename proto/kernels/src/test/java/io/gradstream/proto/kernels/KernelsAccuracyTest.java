package io.gradstream.proto.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.proto.kernels.SampleVectors.Place;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernels against the formulas in double precision. */
class KernelsAccuracyTest {
  private static final int N = 5003;
  private static final ValueType F = ValueType.FLOAT32;

  private final SampleVectors sample = new SampleVectors(11);

  static Stream<Kernels> kernels() {
    return Stream.of(Kernels.scalar(), VectorKernels.INSTANCE);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void innerProductsAreThoseOfDoubleArithmetic(Kernels kernels) {
    int tasks = 5;
    MemorySegment[] current = vectors(tasks);
    MemorySegment[] previous = vectors(tasks);
    MemorySegment momentum = vector();
    InnerProducts found = kernels.innerProducts(current, previous, momentum, N);
    int product = 0;
    for (int i = 0; i < tasks; i++) {
      for (int j = i; j < tasks; j++) {
        assertDot(found.gram()[product++], current[i], current[j]);
      }
      for (int j = 0; j < tasks; j++) {
        assertDot(found.cross()[i * tasks + j], current[i], previous[j]);
      }
      assertDot(found.momentum()[i], current[i], momentum);
    }
    assertThat(found.gram()).hasSize(product);
    assertDot(found.momentumSquared(), momentum, momentum);
    assertDot(kernels.squaredNorm(momentum, F, N), momentum, momentum);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void absentVectorsLeaveTheirProductsOut(Kernels kernels) {
    InnerProducts found = kernels.innerProducts(vectors(3), new MemorySegment[0], null, N);
    assertThat(found.cross()).isEmpty();
    assertThat(found.momentum()).isEmpty();
    assertThat(found.momentumSquared()).isZero();
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void combineAddsToTheDecayedMomentumAndScalesWhatGoesOut(Kernels kernels) {
    MemorySegment[] x = vectors(3);
    float[] c = {0.5f, -1.25f, 2f};
    MemorySegment momentum = vector();
    double[] before = values(momentum);
    MemorySegment out = Place.HEAP.allocate(N * 4L);
    kernels.combine(out, F, x, c, momentum, 0.9f, 3f, N);
    for (int i = 0; i < N; i++) {
      double expected = 0.9 * before[i];
      double size = Math.abs(expected);
      for (int j = 0; j < x.length; j++) {
        double term = c[j] * x[j].getAtIndex(ValueType.FLOAT, i);
        expected += term;
        size += Math.abs(term);
      }
      double m = momentum.getAtIndex(ValueType.FLOAT, i);
      assertThat(m).isCloseTo(expected, within(1e-6 * size + 1e-30));
      assertThat(out.getAtIndex(ValueType.FLOAT, i)).isEqualTo((float) m * 3f);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void outputMayBeAnInput(Kernels kernels) {
    MemorySegment x = vector();
    MemorySegment apart = Place.NATIVE.allocate(N * 4L);
    kernels.combine(apart, F, new MemorySegment[] {x, x}, new float[] {1f, 2f}, null, 0f, 2f, N);
    kernels.combine(x, F, new MemorySegment[] {x, x}, new float[] {1f, 2f}, null, 0f, 2f, N);
    assertThat(values(x)).isEqualTo(values(apart));
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1e30f})
  void oneBadValueAnywhereShowsInTheSquaredNorm(float bad) {
    for (Kernels kernels : kernels().toList()) {
      for (ValueType type : ValueType.values()) {
        for (int at : new int[] {0, 63, 64, 1023, 1024, N - 1}) {
          MemorySegment x = sample.vector(Place.NATIVE, type, N);
          assertThat(kernels.squaredNorm(x, type, N)).isFinite();
          switch (type) {
            case FLOAT32 -> x.setAtIndex(ValueType.FLOAT, at, bad);
            case BFLOAT16 -> x.setAtIndex(SampleVectors.SHORT, at, Bfloat16.fromFloat(bad));
          }
          assertThat(kernels.squaredNorm(x, type, N)).isNotFinite();
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void aShortVectorIsRefusedBeforeAnythingIsWritten(Kernels kernels) {
    MemorySegment sum = vector();
    double[] before = values(sum);
    MemorySegment tooShort = Place.HEAP.allocate(N * 4L - 1);
    assertThatThrownBy(() -> kernels.add(sum, tooShort, F, N))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(values(sum)).isEqualTo(before);
  }

  @Test
  void bfloat16RoundsToTheNearestEven() {
    assertThat(rounded(1f)).isEqualTo(1f);
    assertThat(rounded(Float.intBitsToFloat(0x3F808000))).isEqualTo(1f);
    assertThat(rounded(Float.intBitsToFloat(0x3F808001))).isEqualTo(0x1.02p0f);
    assertThat(rounded(Float.intBitsToFloat(0x3F818000))).isEqualTo(0x1.04p0f);
    assertThat(rounded(Float.MAX_VALUE)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(rounded(Float.NEGATIVE_INFINITY)).isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(rounded(Float.intBitsToFloat(0x7F800001))).isNaN();
  }

  @Test
  void everyBfloat16ComesBackAsItself() {
    for (int bits = 0; bits < 1 << Short.SIZE; bits++) {
      float value = Bfloat16.toFloat((short) bits);
      if (!Float.isNaN(value)) {
        assertThat(Bfloat16.fromFloat(value)).isEqualTo((short) bits);
      }
    }
  }

  private static float rounded(float value) {
    return Bfloat16.toFloat(Bfloat16.fromFloat(value));
  }

  private static void assertDot(double found, MemorySegment x, MemorySegment y) {
    double expected = 0;
    double size = 0;
    for (int i = 0; i < N; i++) {
      double term = (double) x.getAtIndex(ValueType.FLOAT, i) * y.getAtIndex(ValueType.FLOAT, i);
      expected += term;
      size += Math.abs(term);
    }
    assertThat(found).isCloseTo(expected, within(1e-6 * size));
  }

  private MemorySegment vector() {
    return sample.vector(Place.NATIVE, F, N);
  }

  private MemorySegment[] vectors(int count) {
    return Stream.generate(this::vector).limit(count).toArray(MemorySegment[]::new);
  }

  private static double[] values(MemorySegment x) {
    return SampleVectors.values(x, F, N);
  }
}
