package io.gradstream.proto.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.gradstream.proto.kernels.SampleVectors.Place;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Scalar and vector kernels give the same bits, whatever the length and wherever vectors lie. */
class KernelsAgreementTest {
  @Test
  void freedMemoryIsNotTouched() {
    MemorySegment freed;
    try (var arena = Arena.ofConfined()) {
      freed = arena.allocate(64 * Float.BYTES, 64);
    }
    MemorySegment there = Arena.ofAuto().allocate(64 * Float.BYTES, 64);
    for (Kernels kernels : List.of(Kernels.scalar(), Kernels.best())) {
      assertThatIllegalStateException()
          .isThrownBy(() -> kernels.add(freed, there, ValueType.FLOAT32, 64));
      assertThatIllegalStateException()
          .isThrownBy(
              () ->
                  kernels.innerProducts(
                      new MemorySegment[] {there}, new MemorySegment[] {freed}, null, 64));
    }
  }

  private static final Kernels SCALAR = Kernels.scalar();
  private static final Kernels VECTOR = VectorKernels.INSTANCE;

  /** A kernel under test: runs on vectors made from a seed and returns all that it changed. */
  private interface Use {
    List<byte[]> run(Kernels kernels);
  }

  static IntStream lengths() {
    int[] blocks = {
      InnerProductPass.BLOCK, NativeWindows.VALUES, NativeWindows.VALUES + InnerProductPass.BLOCK
    };
    IntStream edges =
        Arrays.stream(blocks)
            .flatMap(b -> IntStream.of(b - 17, b - 16, b - 1, b, b + 1, b + 15, b + 16, b + 65));
    return IntStream.concat(IntStream.rangeClosed(0, 100), edges);
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void agreeAtEveryLength(int n) {
    for (ValueType type : ValueType.values()) {
      agree(n, n, type, Place.HEAP_ODD, Place.NATIVE);
    }
  }

  @Property(tries = 200)
  void agreeWhereverVectorsLie(
      @ForAll long seed,
      @ForAll @IntRange(max = 3000) int n,
      @ForAll ValueType type,
      @ForAll Place wire,
      @ForAll Place state) {
    agree(seed, n, type, wire, state);
  }

  private static void agree(long seed, int n, ValueType type, Place wire, Place state) {
    assertSame("squaredNorm", squaredNorm(seed, n, type, wire));
    assertSame("set", accumulate(seed, n, type, wire, state, true));
    assertSame("add", accumulate(seed, n, type, wire, state, false));
    assertSame("combine", combine(seed, n, type, wire, state, true));
    assertSame("combine without momentum", combine(seed, n, type, wire, state, false));
    assertSame("scale", scale(seed, n, type, wire, state));
    assertSame("convert", convert(seed, n, type, wire, state));
    assertSame("sgd", sgd(seed, n, type, wire, state, false));
    assertSame("sgd with velocity", sgd(seed, n, type, wire, state, true));
    assertSame("adamw", adamw(seed, n, type, wire, state, true));
    assertSame("adamw without first moment", adamw(seed, n, type, wire, state, false));
    assertSame("signStep", signStep(seed, n, type, wire, state));
  }

  @Property(tries = 150)
  void innerProductsAgreeForAnyNumberOfTasks(
      @ForAll long seed,
      @ForAll @IntRange(max = 2100) int n,
      @ForAll @IntRange(min = 1, max = 9) int tasks,
      @ForAll boolean previous,
      @ForAll boolean momentum,
      @ForAll Place place) {
    var sample = new SampleVectors(seed);
    MemorySegment[] current = vectors(sample, tasks, place, n);
    MemorySegment[] before = vectors(sample, previous ? tasks : 0, place, n);
    MemorySegment m = momentum ? sample.vector(place, ValueType.FLOAT32, n) : null;
    InnerProducts scalar = SCALAR.innerProducts(current, before, m, n);
    InnerProducts vector = VECTOR.innerProducts(current, before, m, n);
    assertThat(vector.gram()).isEqualTo(scalar.gram());
    assertThat(vector.cross()).isEqualTo(scalar.cross());
    assertThat(vector.momentum()).isEqualTo(scalar.momentum());
    assertThat(vector.momentumSquared()).isEqualTo(scalar.momentumSquared());
  }

  @Property
  void conversionsAgreeOnEveryBitPattern(@ForAll("bitPatterns") int[] patterns) {
    MemorySegment x = Place.NATIVE.allocate(patterns.length * 4L);
    for (int i = 0; i < patterns.length; i++) {
      x.setAtIndex(ValueType.FLOAT, i, Float.intBitsToFloat(patterns[i]));
    }
    assertSame(
        "narrow",
        kernels -> {
          MemorySegment out = Place.NATIVE.allocate(patterns.length * 2L);
          kernels.convert(out, ValueType.BFLOAT16, x, ValueType.FLOAT32, patterns.length);
          MemorySegment back = Place.NATIVE.allocate(patterns.length * 4L);
          kernels.convert(back, ValueType.FLOAT32, out, ValueType.BFLOAT16, patterns.length);
          return List.of(SampleVectors.bytes(out), SampleVectors.bytes(back));
        });
  }

  @Provide
  Arbitrary<int[]> bitPatterns() {
    Arbitrary<Integer> special =
        Arbitraries.of(
            0x7F800000,
            0xFF800000,
            0x7FC00000,
            0x7F800001,
            0xFFFFFFFF,
            0x7F7FFFFF,
            0x00007FFF,
            0x00008000,
            0x00018000,
            0x3F808000,
            0x3F818000,
            0x3F808001,
            0x80000000,
            1);
    return Arbitraries.oneOf(Arbitraries.integers(), special).array(int[].class).ofSize(70);
  }

  private static void assertSame(String kernel, Use use) {
    List<byte[]> scalar = use.run(SCALAR);
    List<byte[]> vector = use.run(VECTOR);
    for (int i = 0; i < scalar.size(); i++) {
      assertThat(vector.get(i)).as(kernel).isEqualTo(scalar.get(i));
    }
  }

  private static Use squaredNorm(long seed, int n, ValueType type, Place wire) {
    return kernels -> {
      MemorySegment x = new SampleVectors(seed).vector(wire, type, n);
      long bits = Double.doubleToRawLongBits(kernels.squaredNorm(x, type, n));
      return List.of(Long.toHexString(bits).getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    };
  }

  private static Use accumulate(
      long seed, int n, ValueType type, Place wire, Place state, boolean first) {
    return kernels -> {
      var sample = new SampleVectors(seed);
      MemorySegment x = sample.vector(wire, type, n);
      MemorySegment sum = sample.vector(state, ValueType.FLOAT32, n);
      if (first) {
        kernels.set(sum, x, type, n);
      } else {
        kernels.add(sum, x, type, n);
      }
      return List.of(SampleVectors.bytes(sum));
    };
  }

  private static Use combine(
      long seed, int n, ValueType type, Place wire, Place state, boolean withMomentum) {
    return kernels -> {
      var sample = new SampleVectors(seed);
      int tasks = 1 + (int) Math.floorMod(seed, 5L);
      MemorySegment[] x = vectors(sample, tasks, state, n);
      float[] c = new float[tasks];
      for (int i = 0; i < tasks; i++) {
        c[i] = 1.1f - 0.37f * i;
      }
      MemorySegment m = withMomentum ? sample.vector(state, ValueType.FLOAT32, n) : null;
      MemorySegment out = wire.allocate((long) n * type.bytes());
      kernels.combine(out, type, x, c, m, 0.9f, 1.234f, n);
      List<byte[]> changed = new ArrayList<>(List.of(SampleVectors.bytes(out)));
      if (m != null) {
        changed.add(SampleVectors.bytes(m));
      }
      return changed;
    };
  }

  private static Use scale(long seed, int n, ValueType type, Place wire, Place state) {
    return kernels -> {
      MemorySegment x = new SampleVectors(seed).vector(state, ValueType.FLOAT32, n);
      MemorySegment out = wire.allocate((long) n * type.bytes());
      kernels.scale(out, type, x, 0.777f, n);
      return List.of(SampleVectors.bytes(out));
    };
  }

  private static Use convert(long seed, int n, ValueType type, Place wire, Place state) {
    return kernels -> {
      MemorySegment x = new SampleVectors(seed).vector(wire, type, n);
      MemorySegment wide = state.allocate(n * 4L);
      kernels.convert(wide, ValueType.FLOAT32, x, type, n);
      MemorySegment narrow = wire.allocate(n * 2L);
      kernels.convert(narrow, ValueType.BFLOAT16, x, type, n);
      return List.of(SampleVectors.bytes(wide), SampleVectors.bytes(narrow));
    };
  }

  private static Use sgd(
      long seed, int n, ValueType type, Place wire, Place state, boolean withVelocity) {
    return kernels -> {
      var sample = new SampleVectors(seed);
      MemorySegment u = sample.vector(wire, type, n);
      MemorySegment theta = sample.vector(state, ValueType.FLOAT32, n);
      MemorySegment velocity = withVelocity ? sample.vector(state, ValueType.FLOAT32, n) : null;
      kernels.sgd(theta, u, type, velocity, new SgdStep(0.0123f, 0.01f, 0.9f), n);
      return velocity == null
          ? List.of(SampleVectors.bytes(theta))
          : List.of(SampleVectors.bytes(theta), SampleVectors.bytes(velocity));
    };
  }

  private static Use adamw(
      long seed, int n, ValueType type, Place wire, Place state, boolean withFirst) {
    return kernels -> {
      var sample = new SampleVectors(seed);
      MemorySegment u = sample.vector(wire, type, n);
      MemorySegment theta = sample.vector(state, ValueType.FLOAT32, n);
      MemorySegment m = withFirst ? sample.vector(state, ValueType.FLOAT32, n) : null;
      MemorySegment v = state.allocate(n * 4L);
      for (int t = 1; t <= 3; t++) {
        AdamWStep step = AdamWStep.of(1e-3, withFirst ? 0.9 : 0, 0.999, 1e-8, 0.05, t);
        kernels.adamw(theta, u, type, m, v, step, n);
      }
      List<byte[]> changed =
          new ArrayList<>(List.of(SampleVectors.bytes(theta), SampleVectors.bytes(v)));
      if (m != null) {
        changed.add(SampleVectors.bytes(m));
      }
      return changed;
    };
  }

  private static Use signStep(long seed, int n, ValueType type, Place wire, Place state) {
    return kernels -> {
      var sample = new SampleVectors(seed);
      MemorySegment u = sample.vector(wire, type, n);
      MemorySegment theta = sample.vector(state, ValueType.FLOAT32, n);
      kernels.signStep(theta, u, type, 0.03f, 0.999f, n);
      return List.of(SampleVectors.bytes(theta));
    };
  }

  private static MemorySegment[] vectors(SampleVectors sample, int count, Place place, int n) {
    return Stream.generate(() -> sample.vector(place, ValueType.FLOAT32, n))
        .limit(count)
        .toArray(MemorySegment[]::new);
  }
}
