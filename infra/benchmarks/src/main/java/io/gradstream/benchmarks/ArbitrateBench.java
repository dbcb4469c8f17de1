package io.gradstream.benchmarks;

import static io.gradstream.proto.kernels.ValueType.FLOAT32;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.gradstream.arbitrator.offline.VectorGCond;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.producer.model.torch.Recording;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.kernels.InnerProducts;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.spec.Section;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A round of GCond in Gram space and on vectors, on the same gradients with the same decisions; and
 * the plain Gram matrix and weighted sum beside PyTorch's.
 *
 * <p>Neighbouring tasks' gradients conflict mildly: such a conflict is taken out in part, so that
 * there is one left for every projection. After a complete one rounding would decide.
 */
final class ArbitrateBench implements AutoCloseable {
  private static final int WARM_UP = 2;
  private static final int SHORT = 1 << 16;
  private static final Duration WARM_UP_TIME = Duration.ofSeconds(4);
  private static final float BETA = 0.9f;

  /** Seconds: what takes longer on vectors is measured once. */
  private static final double LONG = 15;

  private final int tasks;
  private final int size;
  private final Kernels kernels = Kernels.best();
  private final Arena arena = Arena.ofAuto();
  private final MemorySegment[] current;
  private final MemorySegment[] previous;
  private final MemorySegment momentum;
  private final MemorySegment out;
  private final Resolver resolver;
  private final MethodState state;
  private final int iterations;
  private final Recording recording;
  private final NDManager torch;
  private Resolution resolution;

  ArbitrateBench(int tasks, int size, int iterations) {
    this.tasks = tasks;
    this.size = size;
    this.iterations = iterations;
    this.current = gradients(1);
    this.previous = gradients(1000);
    this.momentum = vector(2000);
    this.out = vector(2001);
    final Map<String, Object> options = new HashMap<>(TorchGCond.OPTIONS);
    options.put("max-iterations", iterations);
    this.resolver = Resolvers.create(Section.of("gcond", options));
    final InnerProducts before = kernels.innerProducts(previous, new MemorySegment[0], null, size);
    this.state =
        resolver
            .resolve(statistics(0, before, new double[tasks][tasks]), resolver.initialState(tasks))
            .state();
    this.resolution = decide(size);
    this.torch = TorchEngine.open("cpu", 1);
    this.recording = Recording.off();
  }

  void run(int repeat, BenchResults findings) {
    final NDArray matrix = matrix();
    final NDArray weights = torch.create(floats(resolution.weights()), new Shape(1, tasks));
    final InnerProducts products = products(size);
    if (size > SHORT) {
      InterleavedTimer.warmUp(
          WARM_UP_TIME,
          () -> {
            arbitrate(SHORT);
            gramAndSum(SHORT);
          });
    }
    try (var vectors = new TorchGCond(torch, iterations)) {
      final InterleavedTimer.Times seconds =
          new InterleavedTimer()
              .add("gradstream", () -> arbitrate(size))
              .add("statistics", () -> products(size))
              .add("resolve", () -> decide(products))
              .add("combine", () -> combine(size))
              .add("gram", () -> gramAndSum(size))
              .add("torch-gram", () -> torchGramAndSum(matrix, weights))
              .run(WARM_UP, Math.max(repeat, 5));
      final InterleavedTimer race =
          new InterleavedTimer()
              .add("vectors", () -> vectors.load(current, previous, momentum, state), vectors::run);
      final InterleavedTimer.Times once = race.run(0, 1);
      final InterleavedTimer.Times baseline =
          once.median("vectors") > LONG ? once : race.run(0, repeat);
      report(findings, seconds, baseline.of("vectors"), vectors);
    }
  }

  private void report(
      BenchResults findings, InterleavedTimer.Times seconds, Samples baseline, TorchGCond vectors) {
    final List<VectorGCond.Decision> ours =
        resolution.arbitrations().stream()
            .map(a -> new VectorGCond.Decision(a.first(), a.second(), a.winner()))
            .toList();
    final boolean same = ours.equals(vectors.decisions());
    final double whole = seconds.median("gradstream");
    final double speedup = baseline.median() / whole;
    final double gramRatio = seconds.median("torch-gram") / seconds.median("gram");
    findings.line(
        "%d tasks, %d values, %d projections, one thread; medians", tasks, size, ours.size());
    findings.line(
        "gradstream     %10.2f ms  (inner products %.2f, decision %.4f, combination %.2f)",
        1e3 * whole,
        1e3 * seconds.median("statistics"),
        1e3 * seconds.median("resolve"),
        1e3 * seconds.median("combine"));
    if (!same) {
      findings.line("decisions here %s, there %s", ours, vectors.decisions());
    }
    findings.line(
        "on vectors     %10.2f ms  %.1f times as long, %s decisions",
        1e3 * baseline.median(), speedup, same ? "the same" : "OTHER");
    findings.line(
        "A A' and w A   %10.2f ms here, %.2f ms by PyTorch: %.2f",
        1e3 * seconds.median("gram"), 1e3 * seconds.median("torch-gram"), gramRatio);
    findings
        .json()
        .put("tasks", tasks)
        .put("size", size)
        .put("iterations", ours.size())
        .put("same_decisions", same)
        .put("arbitrate_ms", 1e3 * whole)
        .put("statistics_ms", 1e3 * seconds.median("statistics"))
        .put("resolve_ms", 1e3 * seconds.median("resolve"))
        .put("combine_ms", 1e3 * seconds.median("combine"))
        .put("vectors_ms", 1e3 * baseline.median())
        .put("speedup", speedup)
        .put("gram_ms", 1e3 * seconds.median("gram"))
        .put("torch_gram_ms", 1e3 * seconds.median("torch-gram"))
        .put("gram_ratio", gramRatio);
  }

  private void arbitrate(int n) {
    resolution = decide(n);
    combine(n);
  }

  private InnerProducts products(int n) {
    return kernels.innerProducts(current, previous, momentum, n);
  }

  private Resolution decide(int n) {
    return decide(products(n));
  }

  private Resolution decide(InnerProducts products) {
    final double[][] cross = new double[tasks][];
    Arrays.setAll(cross, i -> Arrays.copyOfRange(products.cross(), i * tasks, (i + 1) * tasks));
    return resolver.resolve(statistics(1, products, cross), state);
  }

  private RoundStatistics statistics(long round, InnerProducts products, double[][] cross) {
    final double[][] gram = new double[tasks][tasks];
    int entry = 0;
    for (int i = 0; i < tasks; i++) {
      for (int j = i; j < tasks; j++) {
        gram[i][j] = products.gram()[entry++];
        gram[j][i] = gram[i][j];
      }
    }
    return new RoundStatistics(round, tasks, gram, cross, new double[tasks], 1);
  }

  private void combine(int n) {
    final float[] coefficients = floats(resolution.weights());
    for (int i = 0; i < tasks; i++) {
      coefficients[i] *= 1 - BETA;
    }
    final float correction = 1 / (1 - BETA * BETA);
    kernels.combine(out, FLOAT32, current, coefficients, momentum, BETA, correction, n);
  }

  /** What PyTorch does beside it: no previous round, no momentum. */
  private void gramAndSum(int n) {
    Blackhole.take(kernels.innerProducts(current, new MemorySegment[0], null, n).gram()[0]);
    kernels.combine(out, FLOAT32, current, floats(resolution.weights()), null, 0f, 1f, n);
  }

  private static void torchGramAndSum(NDArray matrix, NDArray weights) {
    try (NDArray transposed = matrix.transpose();
        NDArray gram = matrix.matMul(transposed);
        NDArray sum = weights.matMul(matrix)) {
      Blackhole.take(gram.getFloat(0, 0));
      Blackhole.take(sum.getFloat(0, 0));
    }
  }

  private NDArray matrix() {
    final MemorySegment rows = arena.allocate((long) tasks * size * Float.BYTES, 64);
    for (int i = 0; i < tasks; i++) {
      rows.asSlice((long) i * size * Float.BYTES).copyFrom(current[i]);
    }
    return torch.create(
        rows.asByteBuffer().order(ByteOrder.nativeOrder()),
        new Shape(tasks, size),
        DataType.FLOAT32);
  }

  /** Noise of each task less a part of its neighbour's. */
  private MemorySegment[] gradients(int seed) {
    final MemorySegment[] noise =
        IntStream.range(0, tasks).mapToObj(i -> vector(seed + i)).toArray(MemorySegment[]::new);
    final MemorySegment[] gradients = new MemorySegment[tasks];
    for (int i = 0; i < tasks; i++) {
      gradients[i] = arena.allocate((long) size * Float.BYTES, 64);
      final MemorySegment[] pair = {noise[i], noise[(i + 1) % tasks]};
      final float[] mixture = {1f, -0.15f - 0.1f * i / tasks};
      kernels.combine(gradients[i], FLOAT32, pair, mixture, null, 0f, 1f, size);
    }
    return gradients;
  }

  private MemorySegment vector(long seed) {
    return SyntheticVectors.fill(arena.allocate((long) size * Float.BYTES, 64), seed);
  }

  private static float[] floats(double[] values) {
    final float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  @Override
  public void close() {
    recording.close();
    torch.close();
  }
}
