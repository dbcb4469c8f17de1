package io.gradstream.submission;

import java.time.Duration;

/** Waits between two looks at another process or service. */
public final class Pause {
  private Pause() {}

  public static void of(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting", e);
    }
  }
}
