package io.gradstream.audit.rounds;

import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A cursor whose next record can be looked at before it is taken, and that notices missing offsets.
 *
 * <p>An offset without a record is nothing wrong in itself: Kafka's own markers of transactions
 * take one each, and so does what a transaction took back. It tells where a record was that is
 * missed. One owner, one thread.
 */
final class PeekingCursor implements AutoCloseable {
  private final RunLog log;
  private final TopicPartition partition;
  private LogCursor cursor;
  private @Nullable LogRecord ahead;
  private boolean ended;
  private long expected;
  private long gap = Finding.NOWHERE;
  private long before = Finding.NOWHERE;

  /** Opens a partition at its beginning. */
  PeekingCursor(RunLog log, TopicPartition partition) {
    this.log = log;
    this.partition = partition;
    this.cursor = log.read(partition, 0);
  }

  /** The next record, which stays the next; null at the end. */
  @Nullable LogRecord peek() {
    if (ahead == null && !ended) {
      ahead = cursor.next();
      ended = ahead == null;
      if (ahead != null) {
        before = gap;
        gap = ahead.offset() == expected ? Finding.NOWHERE : expected;
        expected = ahead.offset() + 1;
      }
    }
    return ahead;
  }

  /** Goes past the record that {@link #peek} tells. */
  void skip() {
    ahead = null;
  }

  /** The first offset without a record right before the record ahead or the one before that. */
  long gap() {
    return gap == Finding.NOWHERE ? before : gap;
  }

  /** The offset from which {@link #rewind} reads on as from here. */
  long position() {
    return ahead == null ? expected : ahead.offset();
  }

  /** Goes back to where {@link #position} was asked for. */
  void rewind(long position) {
    cursor.close();
    cursor = log.read(partition, position);
    ahead = null;
    ended = false;
    expected = position;
    gap = Finding.NOWHERE;
    before = Finding.NOWHERE;
  }

  TopicPartition partition() {
    return partition;
  }

  @Override
  public void close() {
    cursor.close();
  }
}
