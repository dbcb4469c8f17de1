package io.gradstream.cli.bench;

/** Between two looks at something that somebody else brings about. */
final class Pause {
  private static final long MILLISECONDS = 50;

  private Pause() {}

  /**
   * @throws IllegalStateException when the thread is interrupted
   */
  static void shortly() {
    try {
      Thread.sleep(MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while measuring", e);
    }
  }
}
