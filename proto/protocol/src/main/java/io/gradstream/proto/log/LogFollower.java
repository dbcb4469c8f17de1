package io.gradstream.proto.log;

import io.gradstream.proto.topic.ClockWatch;
import io.gradstream.proto.topic.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.WakeupException;

/**
 * Reads partitions from an offset on, up to where they end or as they grow.
 *
 * <p>It is the one place where records of a run's log are fetched from brokers: {@link LogReader}
 * and the cursors of {@link KafkaRunLog} read through it, and so does whoever follows a run while
 * it goes on. Where the wall clock is set back it goes on with a new consumer, see {@link
 * ClockWatch}. One owner, one thread, but for {@link #wakeup}.
 */
public final class LogFollower implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final Supplier<? extends Consumer<byte[], byte[]>> consumers;
  private final ClockWatch clock;

  /** Where each followed partition is read next; none for one that begins with what it has. */
  private final Map<TopicPartition, Long> next = new HashMap<>();

  private volatile Consumer<byte[], byte[]> consumer;

  /** Follows nothing yet. */
  public LogFollower(Connection connection) {
    this(() -> new KafkaConsumer<>(connection.consumer()));
  }

  /**
   * The same with settings of the caller's.
   *
   * @param consumers opens the connection; what it answers is closed here
   */
  public LogFollower(Supplier<? extends Consumer<byte[], byte[]>> consumers) {
    this(consumers, ClockWatch.ofSystem());
  }

  LogFollower(Supplier<? extends Consumer<byte[], byte[]>> consumers, ClockWatch clock) {
    this.consumers = consumers;
    this.clock = clock;
    this.consumer = consumers.get();
  }

  /** Turns to partitions, each at the first record that it still has. */
  public void follow(Collection<TopicPartition> partitions) {
    next.clear();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
  }

  /** Turns to partitions, each at an offset. */
  public void follow(Map<TopicPartition, Long> positions) {
    next.clear();
    next.putAll(positions);
    consumer.assign(positions.keySet());
    positions.forEach(consumer::seek);
  }

  private void reopen() {
    final Set<TopicPartition> partitions = consumer.assignment();
    consumer.close(CloseOptions.timeout(Duration.ZERO));
    consumer = consumers.get();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions.stream().filter(each -> !next.containsKey(each)).toList());
    next.forEach(consumer::seek);
  }

  /** Assigns one partition. If it is assigned already, the records fetched of it are kept. */
  void turnTo(TopicPartition partition, long position) {
    if (!consumer.assignment().equals(Set.of(partition)) || position(partition) != position) {
      follow(Map.of(partition, position));
    }
  }

  /** The offset of the next record of a partition. */
  long position(TopicPartition partition) {
    return consumer.position(partition);
  }

  /** The offset that the consumer's group goes on from, 0 where it has committed none. */
  long committed(TopicPartition partition) {
    final OffsetAndMetadata offset = consumer.committed(Set.of(partition)).get(partition);
    return offset == null ? 0 : offset.offset();
  }

  /** The topics that this client may read, with their partitions. */
  Map<String, List<PartitionInfo>> topics() {
    return consumer.listTopics();
  }

  /** The first offset that a partition still has. */
  public long start(TopicPartition partition) {
    return consumer.beginningOffsets(Set.of(partition)).getOrDefault(partition, 0L);
  }

  /** The offset after the last record of a partition that can be read. */
  public long end(TopicPartition partition) {
    return ends(Set.of(partition)).getOrDefault(partition, 0L);
  }

  /** The same of several. */
  public Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions) {
    return consumer.endOffsets(partitions);
  }

  /** Whether everything before some offsets was read. */
  public boolean isPast(Map<TopicPartition, Long> offsets) {
    return offsets.entrySet().stream().allMatch(each -> position(each.getKey()) >= each.getValue());
  }

  /**
   * The next records of all partitions, of each in order of offset.
   *
   * @param patience how long to wait for some; they may be none after it
   * @throws WakeupException after {@link #wakeup}
   */
  public List<LogRecord> poll(Duration patience) {
    if (clock.wentBack()) {
      reopen();
    }
    final ConsumerRecords<byte[], byte[]> fetched = consumer.poll(patience);
    final var records = new ArrayList<LogRecord>(fetched.count());
    for (final TopicPartition partition : fetched.partitions()) {
      for (final ConsumerRecord<byte[], byte[]> each : fetched.records(partition)) {
        records.add(
            new LogRecord(partition, each.offset(), each.timestamp(), each.key(), each.value()));
        next.put(partition, each.offset() + 1);
      }
    }
    return records;
  }

  /**
   * The next records, where some are known to lie ahead; none if there were none but Kafka's own.
   *
   * @throws TimeoutException if nothing moves for two minutes
   */
  List<LogRecord> await() {
    final Map<TopicPartition, Long> before = positions();
    final long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      final List<LogRecord> records = poll(POLL);
      if (!records.isEmpty() || !positions().equals(before)) {
        return records;
      }
      if (System.nanoTime() > deadline) {
        throw new TimeoutException(
            "nothing could be read at %s for %s".formatted(before, PATIENCE));
      }
    }
  }

  private Map<TopicPartition, Long> positions() {
    final var positions = new HashMap<TopicPartition, Long>();
    consumer.assignment().forEach(partition -> positions.put(partition, position(partition)));
    return positions;
  }

  /**
   * Reads everything that was written before this call, and perhaps more.
   *
   * @throws TimeoutException if nothing moves for two minutes
   */
  public void catchUp(java.util.function.Consumer<LogRecord> records) {
    final Map<TopicPartition, Long> ends = ends(consumer.assignment());
    while (!isPast(ends)) {
      await().forEach(records);
    }
  }

  /** Ends a {@link #poll} that waits, or the next one; from any thread. */
  public void wakeup() {
    consumer.wakeup();
  }

  @Override
  public void close() {
    consumer.close();
  }
}
