package io.gradstream.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.RunDescription;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** A log that a test puts together record by record; timestamps tell in which order. */
public final class MemoryLog implements RunLog {
  private final RunDescription run;
  private long clock = 1_000;
  private final Map<TopicPartition, TreeMap<Long, LogRecord>> records = new HashMap<>();

  public MemoryLog(RunDescription run) {
    this.run = run;
    add(run.topics().spec(), 0, 0, "run".getBytes(UTF_8), run.record().toByteArray());
  }

  public void add(
      String topic, int partition, long offset, byte @Nullable [] key, byte @Nullable [] value) {
    final var source = new TopicPartition(topic, partition);
    records
        .computeIfAbsent(source, absent -> new TreeMap<>())
        .put(offset, new LogRecord(source, offset, clock++, key, value));
  }

  /** Adds a record behind the last one, and tells its offset. */
  public long append(String topic, int partition, byte @Nullable [] key, byte @Nullable [] value) {
    final long offset = end(new TopicPartition(topic, partition));
    add(topic, partition, offset, key, value);
    return offset;
  }

  /** Takes a record out; its offset stays empty. */
  public void drop(LogRecord record) {
    of(record).remove(record.offset());
  }

  /** Puts another value in a record's place. */
  public void replace(LogRecord record, byte @Nullable [] value) {
    add(record.source().topic(), record.source().partition(), record.offset(), record.key(), value);
  }

  /** Puts a record before another one; what is there moves down. */
  public void insert(LogRecord before, byte @Nullable [] key, byte @Nullable [] value) {
    final var behind = List.copyOf(of(before).tailMap(before.offset()).values());
    of(before).tailMap(before.offset()).clear();
    final TopicPartition at = before.source();
    add(at.topic(), at.partition(), before.offset(), key, value);
    behind.forEach(
        each -> add(at.topic(), at.partition(), each.offset() + 1, each.key(), each.value()));
  }

  /** Takes out all records from an offset on. */
  public void cut(TopicPartition partition, long from) {
    all(partition).tailMap(from).clear();
  }

  private NavigableMap<Long, LogRecord> of(LogRecord record) {
    return all(record.source());
  }

  private NavigableMap<Long, LogRecord> all(TopicPartition partition) {
    return records.getOrDefault(partition, new TreeMap<>());
  }

  /** The first record of a topic for which something holds. */
  public LogRecord find(String topic, Predicate<LogRecord> condition) {
    return IntStream.range(0, partitions(topic))
        .mapToObj(partition -> records(new TopicPartition(topic, partition)))
        .flatMap(List::stream)
        .filter(condition)
        .findFirst()
        .orElseThrow();
  }

  /** Another log with the same records. */
  public MemoryLog copy() {
    final var copy = new MemoryLog(run);
    records.forEach((partition, all) -> copy.records.put(partition, new TreeMap<>(all)));
    return copy;
  }

  public List<LogRecord> records(TopicPartition partition) {
    return List.copyOf(records.getOrDefault(partition, new TreeMap<>()).values());
  }

  @Override
  public RunDescription run() {
    return run;
  }

  @Override
  public int partitions(String topic) {
    return (int) records.keySet().stream().filter(of -> of.topic().equals(topic)).count();
  }

  @Override
  public long start(TopicPartition partition) {
    return all(partition).isEmpty() ? 0 : all(partition).firstKey();
  }

  @Override
  public long end(TopicPartition partition) {
    return all(partition).isEmpty() ? 0 : all(partition).lastKey() + 1;
  }

  @Override
  public LogCursor read(TopicPartition partition, long from) {
    final Iterator<LogRecord> ahead =
        records.getOrDefault(partition, new TreeMap<>()).tailMap(from).values().iterator();
    return new LogCursor() {
      @Override
      public @Nullable LogRecord next() {
        return ahead.hasNext() ? ahead.next() : null;
      }

      @Override
      public void close() {
        // Nothing is held.
      }
    };
  }

  @Override
  public void close() {
    // Nothing is held.
  }
}
