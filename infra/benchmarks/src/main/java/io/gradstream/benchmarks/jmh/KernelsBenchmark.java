package io.gradstream.benchmarks.jmh;

import static io.gradstream.proto.kernels.ValueType.BFLOAT16;
import static io.gradstream.proto.kernels.ValueType.FLOAT32;

import io.gradstream.proto.kernels.AdamWStep;
import io.gradstream.proto.kernels.InnerProducts;
import io.gradstream.proto.kernels.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Each kernel by itself, in a JVM of its own, in cache and out of it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 2)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class KernelsBenchmark {
  /** Values of a vector: one full shard, and far more than caches hold. */
  @Param({"245760", "16777216"})
  private int size;

  /** Number of tasks in the kernels that take all of them. */
  @Param({"2", "8"})
  private int tasks;

  private final Kernels kernels = Kernels.best();
  private final float[] coefficients = new float[64];
  private final AdamWStep step = AdamWStep.of(1e-9, 0.9, 0.99, 1e-8, 0, 1000);
  private MemorySegment[] current = {};
  private MemorySegment[] previous = {};
  private MemorySegment momentum = MemorySegment.NULL;
  private MemorySegment squares = MemorySegment.NULL;
  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment narrow = MemorySegment.NULL;

  /** Fills the vectors with noise. */
  @Setup
  public void fill() {
    current = vectors(tasks, 1);
    previous = vectors(tasks, 100);
    momentum = vector(200);
    out = vector(201);
    squares = Arena.ofAuto().allocate((long) size * Float.BYTES, 64);
    narrow = Arena.ofAuto().allocate((long) size * Short.BYTES, 64);
    kernels.convert(narrow, BFLOAT16, momentum, FLOAT32, size);
  }

  private MemorySegment[] vectors(int count, int seed) {
    return IntStream.range(0, count).mapToObj(i -> vector(seed + i)).toArray(MemorySegment[]::new);
  }

  private MemorySegment vector(int seed) {
    final MemorySegment vector = Arena.ofAuto().allocate((long) size * Float.BYTES, 64);
    final var random = new Random(seed);
    for (long i = 0; i < size; i++) {
      vector.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat() - 0.5f);
    }
    return vector;
  }

  @Benchmark
  public void copy() {
    out.copyFrom(current[0]);
  }

  @Benchmark
  public void accumulate() {
    kernels.add(out, current[0], FLOAT32, size);
  }

  @Benchmark
  public void accumulateBfloat16() {
    kernels.add(out, narrow, BFLOAT16, size);
  }

  @Benchmark
  public double squaredNorm() {
    return kernels.squaredNorm(current[0], FLOAT32, size);
  }

  @Benchmark
  public InnerProducts statistics() {
    return kernels.innerProducts(current, previous, momentum, size);
  }

  @Benchmark
  public void combine() {
    kernels.combine(out, FLOAT32, current, coefficients, momentum, 0.9f, 1f, size);
  }

  @Benchmark
  public void toBfloat16() {
    kernels.convert(narrow, BFLOAT16, current[0], FLOAT32, size);
  }

  @Benchmark
  public void adamw() {
    kernels.adamw(out, current[0], FLOAT32, momentum, squares, step, size);
  }
}
