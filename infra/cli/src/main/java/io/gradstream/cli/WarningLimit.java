package io.gradstream.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Marker;

/**
 * Limits the warnings of one kind, which is one place in the code, in a time window. The first
 * warning of the next window says how many were left out. Thread-safe.
 */
final class WarningLimit extends TurboFilter {
  private static final int MAX_PER_WINDOW = 20;
  private static final long LEFT_OUT = -1;
  private static final long FIRST_LEFT_OUT = -2;
  private static final long WINDOW_NANOS = Duration.ofSeconds(10).toNanos();

  /** The warnings of one kind in the current window. */
  private static final class Kind {
    private long beganNanos;
    private long count;
  }

  private final LongSupplier nanos;
  private final ConcurrentHashMap<String, Kind> kinds = new ConcurrentHashMap<>();

  WarningLimit() {
    this(System::nanoTime);
  }

  WarningLimit(LongSupplier nanos) {
    this.nanos = nanos;
  }

  @Override
  public FilterReply decide(
      @Nullable Marker marker,
      Logger logger,
      Level level,
      @Nullable String format,
      @Nullable Object @Nullable [] params,
      @Nullable Throwable thrown) {
    if (level != Level.WARN || format == null) {
      return FilterReply.NEUTRAL;
    }
    final long left = countLeftOut(logger.getName() + format);
    if (left == FIRST_LEFT_OUT) {
      logger.warn("more warnings like the last one are left out");
    }
    if (left < 0) {
      return FilterReply.DENY;
    }
    if (left > 0) {
      logger.info("{} more warnings like the next one were left out", left);
    }
    return FilterReply.NEUTRAL;
  }

  /**
   * How many of a kind were left out before this one; negative if this one is, too, and {@link
   * #FIRST_LEFT_OUT} if it is the first.
   */
  private long countLeftOut(String name) {
    final Kind kind = kinds.computeIfAbsent(name, absent -> new Kind());
    synchronized (kind) {
      final long now = nanos.getAsLong();
      long left = 0;
      if (kind.count == 0 || now - kind.beganNanos > WINDOW_NANOS) {
        left = Math.max(0, kind.count - MAX_PER_WINDOW);
        kind.beganNanos = now;
        kind.count = 0;
      }
      kind.count++;
      if (kind.count > MAX_PER_WINDOW) {
        return kind.count == MAX_PER_WINDOW + 1 ? FIRST_LEFT_OUT : LEFT_OUT;
      }
      return left;
    }
  }
}
