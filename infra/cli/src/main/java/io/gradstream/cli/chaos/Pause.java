package io.gradstream.cli.chaos;

import java.time.Duration;

/** Waiting between two looks. */
final class Pause {
  private Pause() {}

  static void of(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in a campaign", e);
    }
  }
}
