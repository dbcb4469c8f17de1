package io.gradstream.proto.log;

import java.util.Collections;
import java.util.Iterator;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Goes through a partition on a cluster.
 *
 * <p>Several cursors may take turns with one follower: each turns it back to its own place when it
 * needs more records, which discards the records fetched for another. One owner, one thread.
 */
final class KafkaCursor implements LogCursor {
  private final LogFollower follower;
  private final TopicPartition partition;
  private final long to;
  private long position;
  private Iterator<LogRecord> fetched = Collections.emptyIterator();

  /**
   * @param follower is closed with this
   * @param from the first offset
   * @param to the offset after the last to read; at most the end of the partition
   */
  KafkaCursor(LogFollower follower, TopicPartition partition, long from, long to) {
    this.follower = follower;
    this.partition = partition;
    this.position = from;
    this.to = to;
  }

  @Override
  public @Nullable LogRecord next() {
    while (!fetched.hasNext()) {
      if (position >= to) {
        return null;
      }
      follower.turnTo(partition, position);
      fetched = follower.await().iterator();
      position = follower.position(partition);
    }
    final LogRecord record = fetched.next();
    return record.offset() < to ? record : null;
  }

  @Override
  public void close() {
    follower.close();
  }
}
