package io.gradstream.proto.log;

import io.gradstream.proto.run.RunDescription;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** A log that counts the bytes of the records that were read from it. */
public final class MeasuredRunLog implements RunLog {
  private final RunLog log;
  private long bytes;

  public MeasuredRunLog(RunLog log) {
    this.log = log;
  }

  /** Keys and values of all records so far. */
  public long bytes() {
    return bytes;
  }

  @Override
  public RunDescription run() {
    return log.run();
  }

  @Override
  public int partitions(String topic) {
    return log.partitions(topic);
  }

  @Override
  public long start(TopicPartition partition) {
    return log.start(partition);
  }

  @Override
  public long end(TopicPartition partition) {
    return log.end(partition);
  }

  @Override
  public LogCursor read(TopicPartition partition, long from) {
    final LogCursor cursor = log.read(partition, from);
    return new LogCursor() {
      @Override
      public @Nullable LogRecord next() {
        final LogRecord record = cursor.next();
        if (record != null) {
          bytes += record.key() == null ? 0 : record.key().length;
          bytes += record.value() == null ? 0 : record.value().length;
        }
        return record;
      }

      @Override
      public void close() {
        cursor.close();
      }
    };
  }

  @Override
  public void close() {
    log.close();
  }
}
