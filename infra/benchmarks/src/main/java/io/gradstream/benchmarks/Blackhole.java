package io.gradstream.benchmarks;

/**
 * Takes results that nobody needs, so that the compiler cannot remove the code that computes them.
 */
final class Blackhole {
  private static volatile double last;

  private Blackhole() {}

  static void take(double value) {
    last = value;
  }

  /** The last value taken. */
  static double last() {
    return last;
  }
}
