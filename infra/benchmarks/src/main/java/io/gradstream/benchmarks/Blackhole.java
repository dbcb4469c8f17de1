package io.gradstream.benchmarks;

/** Where results go that nobody needs, so that the compiler cannot leave out what led to them. */
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
