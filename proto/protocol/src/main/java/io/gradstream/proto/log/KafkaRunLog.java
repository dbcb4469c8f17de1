package io.gradstream.proto.log;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A run's log on a cluster.
 *
 * <p>Each cursor has a consumer of its own. A consumer asks for the next records before it hands
 * over those it has, so the broker reads while the auditor computes; the fetches are small enough
 * for dozens of cursors in a heap of 256 MB.
 */
public final class KafkaRunLog implements RunLog {
  private static final int FETCH_BYTES = 2 * 1024 * 1024;
  private static final int FETCH_WAIT_MS = 10;
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final Run run;
  private final KafkaConsumer<byte[], byte[]> asking;
  private final Map<String, List<PartitionInfo>> topics;

  /** Opens the log of a run that was found on its cluster. */
  public KafkaRunLog(Run run) {
    this.run = run;
    this.asking = consumer();
    this.topics = asking.listTopics();
  }

  private KafkaConsumer<byte[], byte[]> consumer() {
    final Map<String, Object> config = run.connection().consumer();
    config.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCH_BYTES);
    // Nothing is awaited at the end of the log, but a consumer that closes waits for its last
    // fetch.
    config.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, FETCH_WAIT_MS);
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    return new KafkaConsumer<>(config);
  }

  @Override
  public RunDescription run() {
    return run.description();
  }

  @Override
  public int partitions(String topic) {
    return topics.getOrDefault(topic, List.of()).size();
  }

  @Override
  public long start(TopicPartition partition) {
    return asking.beginningOffsets(Set.of(partition)).getOrDefault(partition, 0L);
  }

  @Override
  public long end(TopicPartition partition) {
    return asking.endOffsets(Set.of(partition)).getOrDefault(partition, 0L);
  }

  @Override
  public LogCursor read(TopicPartition partition, long from) {
    return new Cursor(partition, Math.max(from, start(partition)), end(partition), consumer());
  }

  @Override
  public void close() {
    asking.close();
  }

  private static final class Cursor implements LogCursor {
    private final TopicPartition partition;
    private final long end;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private Iterator<ConsumerRecord<byte[], byte[]>> fetched =
        List.<ConsumerRecord<byte[], byte[]>>of().iterator();

    Cursor(TopicPartition partition, long from, long end, KafkaConsumer<byte[], byte[]> consumer) {
      this.partition = partition;
      this.end = end;
      this.consumer = consumer;
      consumer.assign(Set.of(partition));
      consumer.seek(partition, from);
    }

    @Override
    public @Nullable LogRecord next() {
      final long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (!fetched.hasNext()) {
        if (consumer.position(partition) >= end) {
          return null;
        }
        if (System.nanoTime() > deadline) {
          throw new TimeoutException(
              "%s could not be read at offset %d for %s"
                  .formatted(partition, consumer.position(partition), PATIENCE));
        }
        fetched = consumer.poll(POLL).records(partition).iterator();
      }
      final ConsumerRecord<byte[], byte[]> record = fetched.next();
      return record.offset() < end
          ? new LogRecord(
              partition, record.offset(), record.timestamp(), record.key(), record.value())
          : null;
    }

    @Override
    public void close() {
      consumer.close();
    }
  }
}
