package io.gradstream.benchmarks;

import static io.gradstream.proto.kernels.ValueType.BFLOAT16;
import static io.gradstream.proto.kernels.ValueType.FLOAT32;

import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.AdamWStep;
import io.gradstream.proto.kernels.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Kernels against memory, all on the same vectors and in turns.
 *
 * <p>A kernel's bytes are what it must read and write once; a processor that reads a cache line
 * before it writes it moves more, here as in the copy beside it.
 */
final class KernelsBench {
  /** Turns until the compiler is done with all kernels; before, combine ran at half its speed. */
  private static final int WARM_UP = 25;

  /** Values of a record, as gradients arrive: in byte arrays of a shard each. */
  private static final int SHARD = 240 * 1024;

  private final Kernels kernels = Kernels.best();
  private final int size;
  private final Arena arena = Arena.ofAuto();

  KernelsBench(int size) {
    this.size = size;
  }

  void run(int repeat, BenchResults findings) {
    final MemorySegment[] current = {vector(1), vector(2)};
    final MemorySegment[] previous = {vector(3), vector(4)};
    final MemorySegment momentum = vector(5);
    final MemorySegment out = vector(6);
    final MemorySegment narrow = arena.allocate((long) size * Short.BYTES, 64);
    final byte[][] records = records(current[0]);
    kernels.convert(narrow, BFLOAT16, current[0], FLOAT32, size);
    final var all = List.of(current[0], current[1], previous[0], previous[1], momentum);
    final float[] coefficients = {0.25f, 0.5f};
    final MemorySegment weights = vector(7);
    final MemorySegment first = vector(8);
    final MemorySegment second = vector(9);
    kernels.adamw(weights, current[0], FLOAT32, null, second, AdamWStep.of(0, 0, 0, 1, 0, 1), size);
    final var step = AdamWStep.of(1e-9, 0.9, 0.99, 1e-8, 0, 1000);

    final InterleavedTimer.Times seconds =
        new InterleavedTimer()
            .add("copy", () -> MemoryLimits.copy(current[0], out))
            .add("read", () -> Blackhole.take(MemoryLimits.read(all)))
            .add("accumulate", () -> kernels.add(out, current[0], FLOAT32, size))
            .add(
                "combine",
                () ->
                    kernels.combine(out, FLOAT32, current, coefficients, momentum, 0.5f, 1f, size))
            .add(
                "statistics",
                () ->
                    Blackhole.take(
                        kernels.innerProducts(current, previous, momentum, size).momentumSquared()))
            .add("records", () -> accumulate(out, records))
            .add("bfloat16", () -> kernels.add(out, narrow, BFLOAT16, size))
            .add("convert", () -> kernels.convert(narrow, BFLOAT16, current[0], FLOAT32, size))
            .add("norm", () -> Blackhole.take(kernels.squaredNorm(current[0], FLOAT32, size)))
            .add("scale", () -> kernels.scale(out, FLOAT32, current[0], 0.5f, size))
            .add(
                "adamw",
                () -> kernels.adamw(weights, current[0], FLOAT32, first, second, step, size))
            .add("digest", () -> Blackhole.take(digest(current[0])))
            .run(WARM_UP, repeat);

    final double copy = 8.0 * size / seconds.median("copy");
    final double read = 20.0 * size / seconds.median("read");
    findings.line("%d values a vector, one thread; medians of %d", size, repeat);
    findings.line(
        "copy        %6.1f GB/s (read and written)   noise %.0f %%",
        copy / 1e9, 100 * seconds.of("copy").noise());
    findings.line(
        "read        %6.1f GB/s                      noise %.0f %%",
        read / 1e9, 100 * seconds.of("read").noise());
    findings.json().put("size", size).put("copy_gb_s", copy / 1e9).put("read_gb_s", read / 1e9);
    report(findings, seconds, "accumulate", 12, copy, "copy");
    report(findings, seconds, "combine", 20, copy, "copy");
    report(findings, seconds, "statistics", 20, read, "read");
    report(findings, seconds, "records", 12, copy, "copy");
    report(findings, seconds, "bfloat16", 10, copy, "copy");
    report(findings, seconds, "convert", 6, copy, "copy");
    report(findings, seconds, "norm", 4, read, "read");
    report(findings, seconds, "scale", 8, copy, "copy");
    report(findings, seconds, "adamw", 28, copy, "copy");
    report(findings, seconds, "digest", 4, read, "read");
  }

  private void report(
      BenchResults findings,
      InterleavedTimer.Times seconds,
      String name,
      int bytes,
      double limit,
      String limitName) {
    final Samples samples = seconds.of(name);
    final double speed = (double) bytes * size / samples.median();
    findings.line(
        "%-11s %6.1f GB/s   %.2f of %-6s          noise %.0f %%",
        name, speed / 1e9, speed / limit, limitName, 100 * samples.noise());
    findings.json().put(name + "_gb_s", speed / 1e9).put(name + "_ratio", speed / limit);
  }

  /** As the arbitrator takes a slot in: the check and norm of a shard, then its sum. */
  private void accumulate(MemorySegment sum, byte[][] records) {
    long at = 0;
    for (final byte[] record : records) {
      final MemorySegment values = MemorySegment.ofArray(record);
      final int length = record.length / Float.BYTES;
      Blackhole.take(kernels.squaredNorm(values, FLOAT32, length));
      kernels.add(sum.asSlice(at, record.length), values, FLOAT32, length);
      at += record.length;
    }
  }

  private byte[][] records(MemorySegment vector) {
    final byte[][] records = new byte[(size + SHARD - 1) / SHARD][];
    for (int i = 0; i < records.length; i++) {
      final long from = (long) i * SHARD * Float.BYTES;
      final long bytes = Math.min((long) SHARD * Float.BYTES, vector.byteSize() - from);
      records[i] = vector.asSlice(from, bytes).toArray(ValueLayout.JAVA_BYTE);
    }
    return records;
  }

  private static int digest(MemorySegment vector) {
    final var sha256 = Digests.sha256();
    sha256.update(vector.asByteBuffer());
    return sha256.digest()[0];
  }

  private MemorySegment vector(long seed) {
    return SyntheticVectors.fill(arena.allocate((long) size * Float.BYTES, 64), seed);
  }
}
