package io.gradstream.proto.log;

import io.gradstream.proto.run.RunDescription;
import org.apache.kafka.common.TopicPartition;

/**
 * The records of a run's topics, on a cluster or in an archive.
 *
 * <p>Many cursors are open at once and are read in lock step, round by round, so a cursor may hold
 * a few records and not more. Topics have their full names, as {@link
 * io.gradstream.proto.topic.Topics} gives them. One owner, one thread.
 */
public interface RunLog extends AutoCloseable {
  /** The run's spec and manifest. */
  RunDescription run();

  /** How many partitions a topic has; 0 if there is no such topic here. */
  int partitions(String topic);

  /** The first offset that is still there. */
  long start(TopicPartition partition);

  /** The offset after the last record. */
  long end(TopicPartition partition);

  /**
   * Opens a cursor at the first record whose offset is at least {@code from}; the caller closes it.
   */
  LogCursor read(TopicPartition partition, long from);

  @Override
  void close();
}
