package io.gradstream.benchmarks;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures several ways through the same work in turns, so that the machine's other work slows all
 * of them alike. One thread.
 */
final class InterleavedTimer {
  private record Measured(Runnable prepare, Runnable work) {}

  private final Map<String, Measured> measured = new LinkedHashMap<>();

  InterleavedTimer add(String name, Runnable work) {
    return add(name, () -> {}, work);
  }

  /**
   * @param prepare runs before each measurement, and is not measured
   */
  InterleavedTimer add(String name, Runnable prepare, Runnable work) {
    measured.put(name, new Measured(prepare, work));
    return this;
  }

  /**
   * Runs work on little data again and again until the compiler is done with it; before, kernels
   * run at a fraction of their speed.
   */
  static void warmUp(Duration length, Runnable work) {
    final long start = System.nanoTime();
    do {
      work.run();
    } while (System.nanoTime() - start < length.toNanos());
  }

  /**
   * Runs all of them, in turns.
   *
   * @param warmUp turns that are not counted
   * @param turns turns that are
   */
  Times run(int warmUp, int turns) {
    final var seconds = new LinkedHashMap<String, List<Double>>();
    for (int turn = 0; turn < warmUp + turns; turn++) {
      for (final var each : measured.entrySet()) {
        each.getValue().prepare().run();
        final long start = System.nanoTime();
        each.getValue().work().run();
        final double taken = (System.nanoTime() - start) / 1e9;
        if (turn >= warmUp) {
          seconds.computeIfAbsent(each.getKey(), name -> new ArrayList<>()).add(taken);
        }
      }
    }
    final var samples = new LinkedHashMap<String, Samples>();
    seconds.forEach((name, values) -> samples.put(name, Samples.of(values)));
    return new Times(samples);
  }

  /** Seconds that each of them took. */
  record Times(Map<String, Samples> byName) {
    Samples of(String name) {
      final Samples samples = byName.get(name);
      if (samples == null) {
        throw new IllegalArgumentException("nothing was measured under the name " + name);
      }
      return samples;
    }

    double median(String name) {
      return of(name).median();
    }
  }
}
