package io.gradstream.proto.record;

import java.time.Duration;
import org.slf4j.Logger;

/**
 * Warnings that somebody else decides the number of: the first few of a minute are written, and how
 * many more there were once the minute is over. One owner, one thread.
 */
public final class LimitedLog {
  private static final int PER_MINUTE = 20;
  private static final long MINUTE = Duration.ofMinutes(1).toNanos();

  private long minuteBegan = System.nanoTime();
  private int written;
  private long passedOver;

  /** Writes a warning, or counts it. */
  public void warn(Logger log, String message) {
    final long now = System.nanoTime();
    if (now - minuteBegan >= MINUTE) {
      if (passedOver > 0) {
        log.warn("{} more warnings like the last ones", passedOver);
      }
      minuteBegan = now;
      written = 0;
      passedOver = 0;
    }
    if (written < PER_MINUTE) {
      written++;
      log.warn(message);
    } else {
      passedOver++;
    }
  }
}
