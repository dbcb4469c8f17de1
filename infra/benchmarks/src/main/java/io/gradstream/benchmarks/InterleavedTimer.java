package io.gradstream.benchmarks;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Several ways through the same work, measured in turns, so that what else the machine does meets
 * all of them alike. One thread.
 */
final class InterleavedTimer {
  private record Entrant(Runnable prepare, Runnable work) {}

  private final Map<String, Entrant> entrants = new LinkedHashMap<>();

  InterleavedTimer add(String name, Runnable work) {
    return add(name, () -> {}, work);
  }

  /**
   * @param prepare runs before each measurement, and is not measured
   */
  InterleavedTimer add(String name, Runnable prepare, Runnable work) {
    entrants.put(name, new Entrant(prepare, work));
    return this;
  }

  /**
   * Runs something again and again until the compiler is done with it, on little data: kernels run
   * at a fraction of their speed before.
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
      for (final var entrant : entrants.entrySet()) {
        entrant.getValue().prepare().run();
        final long start = System.nanoTime();
        entrant.getValue().work().run();
        final double taken = (System.nanoTime() - start) / 1e9;
        if (turn >= warmUp) {
          seconds.computeIfAbsent(entrant.getKey(), name -> new ArrayList<>()).add(taken);
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
        throw new IllegalArgumentException("nobody is called " + name);
      }
      return samples;
    }

    double median(String name) {
      return of(name).median();
    }
  }
}
