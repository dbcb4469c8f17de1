package io.gradstream.proto.topic;

import java.util.function.LongSupplier;
import org.apache.kafka.common.utils.Time;

/**
 * A clock for Kafka Streams and for brokers that never goes back: the wall clock's time at the
 * start, and from then on what has passed since.
 *
 * <p>With the wall clock itself, a step back by an hour would keep standing rounds from being
 * noticed, slots from being asked for again, and a broker from reaching its controller, for that
 * hour. Kafka's clients cannot be given a clock; see {@link ClockWatch}.
 *
 * <p>Thread-safe.
 */
public final class MonotonicTime implements Time {
  private final LongSupplier nanos;
  private final long startMs;
  private final long startNanos;

  /**
   * @param wallMs the wall clock, which is looked at once
   * @param nanos a time that never goes back, from any beginning
   */
  MonotonicTime(LongSupplier wallMs, LongSupplier nanos) {
    this.nanos = nanos;
    this.startMs = wallMs.getAsLong();
    this.startNanos = nanos.getAsLong();
  }

  /** The clock of this JVM. */
  public static MonotonicTime ofSystem() {
    return new MonotonicTime(System::currentTimeMillis, System::nanoTime);
  }

  @Override
  public long milliseconds() {
    return startMs + (nanos.getAsLong() - startNanos) / 1_000_000;
  }

  @Override
  public long nanoseconds() {
    return nanos.getAsLong();
  }

  @Override
  public void sleep(long ms) {
    Time.SYSTEM.sleep(ms);
  }
}
