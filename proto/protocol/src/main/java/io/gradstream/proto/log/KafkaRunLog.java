package io.gradstream.proto.log;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

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

  private final Run run;
  private final LogFollower asking;
  private final Map<String, List<PartitionInfo>> topics;

  /** Opens the log of a run that was found on its cluster. */
  public KafkaRunLog(Run run) {
    this.run = run;
    this.asking = new LogFollower(this::consumer);
    this.topics = asking.topics();
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
    return asking.start(partition);
  }

  @Override
  public long end(TopicPartition partition) {
    return asking.end(partition);
  }

  @Override
  public LogCursor read(TopicPartition partition, long from) {
    return new KafkaCursor(
        new LogFollower(this::consumer),
        partition,
        Math.max(from, start(partition)),
        end(partition));
  }

  @Override
  public void close() {
    asking.close();
  }
}
