package io.gradstream.proto.log;

import org.jspecify.annotations.Nullable;

/**
 * Goes through the records of one partition in order of offset, up to where it ended when the
 * cursor was opened. One owner, one thread.
 */
public interface LogCursor extends AutoCloseable {
  /**
   * The next record, or null at the end.
   *
   * <p>Offsets rise, but not by one each: compaction and Kafka's own markers leave gaps.
   */
  @Nullable LogRecord next();

  @Override
  void close();
}
