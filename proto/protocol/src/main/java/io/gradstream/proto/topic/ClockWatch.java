package io.gradstream.proto.topic;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Tells when this machine's wall clock was set back.
 *
 * <p>Kafka's clients (4.4.0) time heartbeats and the refresh of their metadata by the wall clock.
 * One that did so before the clock was set back does it again only once the clock has passed that
 * time: until then it does not find a broker that restarts, and its group gives its partitions to
 * others. Only a new client helps, so whoever keeps a client for long asks here whether it needs
 * one.
 *
 * <p>One thread.
 */
public final class ClockWatch {
  /** Steps up to this long are waited out by the clients; it is shorter than a session. */
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final LongSupplier wallMs;
  private final LongSupplier nanos;
  private long aheadMs;

  /**
   * @param wallMs the wall clock, in milliseconds
   * @param nanos a time that never goes back, from any beginning, in nanoseconds
   */
  public ClockWatch(LongSupplier wallMs, LongSupplier nanos) {
    this.wallMs = wallMs;
    this.nanos = nanos;
    this.aheadMs = aheadMs();
  }

  /** Watches the clock of this JVM. */
  public static ClockWatch ofSystem() {
    return new ClockWatch(System::currentTimeMillis, System::nanoTime);
  }

  /** Whether the clock was set back by more than ten seconds since the last call. */
  public boolean wentBack() {
    final long before = aheadMs;
    aheadMs = aheadMs();
    return aheadMs < before - LIMIT.toMillis();
  }

  /** What the wall clock shows beyond the time that passed, in milliseconds. */
  private long aheadMs() {
    return wallMs.getAsLong() - nanos.getAsLong() / 1_000_000;
  }
}
