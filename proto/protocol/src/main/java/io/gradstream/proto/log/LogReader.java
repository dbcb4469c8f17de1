package io.gradstream.proto.log;

import io.gradstream.proto.topic.Connection;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Reads records of a log by their offsets, aside from any subscription.
 *
 * <p>The log is the system: what a service does not hold any more, it reads again. One owner, one
 * thread; the connection is opened at the first read, also after a {@link #close}.
 */
public final class LogReader implements AutoCloseable {
  /**
   * The reader never waits for new records, but a consumer that closes or changes its partition
   * waits for its last fetch to end.
   */
  private static final int FETCH_WAIT_MS = 10;

  /** Largest gap between two wanted records that is read through; about the size of one fetch. */
  private static final long MAX_GAP = 16;

  private final Supplier<Consumer<byte[], byte[]>> consumers;
  private @Nullable LogFollower follower;

  /**
   * @param group consumer group whose committed offsets {@link #committed} tells; it is never
   *     joined
   */
  public LogReader(Connection connection, String group) {
    this(() -> new KafkaConsumer<>(settings(connection, group)));
  }

  /**
   * @param consumers opens the connection
   */
  public LogReader(Supplier<Consumer<byte[], byte[]>> consumers) {
    this.consumers = consumers;
  }

  private static Map<String, Object> settings(Connection connection, String group) {
    final Map<String, Object> config = connection.consumer();
    config.put(ConsumerConfig.GROUP_ID_CONFIG, group);
    config.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, FETCH_WAIT_MS);
    return config;
  }

  private LogFollower follower() {
    if (follower == null) {
      follower = new LogFollower(consumers);
    }
    return follower;
  }

  /** The offset that the group goes on from, 0 where it has committed none. */
  public long committed(TopicPartition partition) {
    return follower().committed(partition);
  }

  /** The offset after the last record that can be read. */
  public long end(TopicPartition partition) {
    return follower().end(partition);
  }

  /** The offset of the first record that the log still holds; the end of one that holds none. */
  public long start(TopicPartition partition) {
    return follower().start(partition);
  }

  /**
   * Reads one record.
   *
   * @throws IllegalStateException when the log does not hold it any more
   */
  public byte[] read(TopicPartition partition, long offset) {
    final LogRecord record = new KafkaCursor(follower(), partition, offset, offset + 1).next();
    if (record == null || record.offset() != offset || record.value() == null) {
      throw new IllegalStateException(
          "%s holds no record at offset %d any more; keep records at least until their round is over"
              .formatted(partition, offset));
    }
    return record.value();
  }

  /**
   * Hands over the records from {@code from} (inclusive) to {@code to} (exclusive), in order.
   *
   * @param records may itself read from this reader
   */
  public void read(
      TopicPartition partition,
      long from,
      long to,
      java.util.function.Consumer<LogRecord> records) {
    final var cursor = new KafkaCursor(follower(), partition, from, to);
    for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
      records.accept(next);
    }
  }

  /**
   * Hands over the records at some offsets, in order; those that the log holds no more are left
   * out. Offsets that lie close to each other are read in one go: to turn to another place throws
   * away what was fetched.
   *
   * @param offsets in any order
   * @param records may itself read from this reader
   */
  public void readAt(
      TopicPartition partition,
      Collection<Long> offsets,
      java.util.function.Consumer<LogRecord> records) {
    final var wanted = new TreeSet<>(offsets);
    while (!wanted.isEmpty()) {
      final long first = wanted.first();
      long last = first;
      for (final long next : wanted) {
        if (next - last > MAX_GAP) {
          break;
        }
        last = next;
      }
      final NavigableSet<Long> together = wanted.headSet(last, true);
      final var here = new HashSet<>(together);
      together.clear();
      read(
          partition,
          first,
          last + 1,
          record -> {
            if (here.contains(record.offset())) {
              records.accept(record);
            }
          });
    }
  }

  /** The last record of a partition, found from its end backwards. */
  public Optional<LogRecord> last(TopicPartition partition) {
    final long end = end(partition);
    for (long back = 1; ; back *= 2) {
      final long from = Math.max(0, end - back);
      final var last = new AtomicReference<LogRecord>();
      read(partition, from, end, last::set);
      if (last.get() != null || from == 0) {
        return Optional.ofNullable(last.get());
      }
    }
  }

  @Override
  public void close() {
    if (follower != null) {
      follower.close();
      follower = null;
    }
  }
}
