package io.gradstream.proto.topic;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.apache.kafka.common.utils.Time;

/**
 * A clock for Kafka Streams and for brokers that never goes back and is never behind the wall
 * clock. It follows the wall clock forward; where that is set back, it goes on by itself.
 *
 * <p>With the wall clock itself, a step back by an hour would keep standing rounds from being
 * noticed, slots from being asked for again, and a broker from reaching its controller, for that
 * hour. A clock that is behind would make a broker refuse records as coming from the future, its
 * own coordinators' among them, which go by the wall clock. Kafka's clients cannot be given a
 * clock; see {@link ClockWatch}.
 *
 * <p>Thread-safe.
 */
public final class MonotonicTime implements Time {
  private final LongSupplier wallMs;
  private final LongSupplier nanos;

  /** What this clock shows beyond the time that passed; it only grows. */
  private final AtomicLong aheadMs;

  /**
   * @param wallMs the wall clock
   * @param nanos a time that never goes back, from any beginning
   */
  MonotonicTime(LongSupplier wallMs, LongSupplier nanos) {
    this.wallMs = wallMs;
    this.nanos = nanos;
    this.aheadMs = new AtomicLong(wallMs.getAsLong() - passedMs());
  }

  /** The clock of this JVM. */
  public static MonotonicTime ofSystem() {
    return new MonotonicTime(System::currentTimeMillis, System::nanoTime);
  }

  @Override
  public long milliseconds() {
    final long passedMs = passedMs();
    final long wallAheadMs = wallMs.getAsLong() - passedMs;
    final long ahead = aheadMs.get();
    return passedMs
        + (wallAheadMs > ahead ? aheadMs.accumulateAndGet(wallAheadMs, Math::max) : ahead);
  }

  private long passedMs() {
    return Math.floorDiv(nanos.getAsLong(), 1_000_000L);
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
