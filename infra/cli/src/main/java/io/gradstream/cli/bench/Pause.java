package io.gradstream.cli.bench;

/** Between two looks at something that somebody else brings about. */
final class Pause {

  private Pause() {}

  /** While a benchmark runs for seconds. */
  static void shortly() {
    sleep(50);
  }

  /** While something is timed. */
  static void briefly() {
    sleep(2);
  }

  private static void sleep(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while measuring", e);
    }
  }
}
