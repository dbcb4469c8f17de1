package io.gradstream.cli.bench;

/** Where results go that nobody needs, so that the compiler cannot leave out what led to them. */
final class Sink {
  private static volatile double last;

  private Sink() {}

  static void take(double value) {
    last = value;
  }

  /** The last value taken. */
  static double last() {
    return last;
  }
}
