package io.gradstream.audit.replay;

import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A cursor whose next record can be looked at before it is taken, and that notices missing offsets.
 * One owner, one thread.
 */
final class PeekingCursor implements AutoCloseable {
  /** Told of offsets that no record has. */
  interface Gaps {
    /** From {@code first} (inclusive) to {@code next} (exclusive) there is nothing. */
    void gap(TopicPartition partition, long first, long next);
  }

  private final TopicPartition partition;
  private final LogCursor cursor;
  private final Gaps gaps;
  private @Nullable LogRecord ahead;
  private boolean ended;
  private long expected;

  /**
   * Opens a partition at its beginning.
   *
   * @param gaps told when the record after a gap is looked at
   */
  PeekingCursor(RunLog log, TopicPartition partition, Gaps gaps) {
    this.partition = partition;
    this.cursor = log.read(partition, 0);
    this.gaps = gaps;
  }

  /** The next record, which stays the next; null at the end. */
  @Nullable LogRecord peek() {
    if (ahead == null && !ended) {
      ahead = cursor.next();
      ended = ahead == null;
      if (ahead != null) {
        if (ahead.offset() != expected) {
          gaps.gap(partition, expected, ahead.offset());
        }
        expected = ahead.offset() + 1;
      }
    }
    return ahead;
  }

  /** Goes past the record that {@link #peek} tells. */
  void skip() {
    ahead = null;
  }

  TopicPartition partition() {
    return partition;
  }

  @Override
  public void close() {
    cursor.close();
  }
}
