package io.gradstream.proto.log;

import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One record of a run's log.
 *
 * @param source its topic and partition
 * @param offset its place there
 * @param timestamp when the broker took it, in milliseconds since 1970
 * @param key as {@link io.gradstream.proto.record.Keys} writes it
 * @param value null in a record that deletes its key
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record LogRecord(
    TopicPartition source,
    long offset,
    long timestamp,
    byte @Nullable [] key,
    byte @Nullable [] value) {
  private static final byte[] NOTHING = {};

  /** The value; empty where there is none. */
  public byte[] bytes() {
    return value == null ? NOTHING : value;
  }
}
