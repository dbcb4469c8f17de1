package io.gradstream.system;

import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.topic.Topics;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** A copy of a run's log in memory, which a test may tamper with. */
final class CopiedLog implements RunLog {
  private final RunDescription run;
  private final Map<String, Map<Integer, List<LogRecord>>> topics;

  private CopiedLog(RunDescription run, Map<String, Map<Integer, List<LogRecord>>> topics) {
    this.run = run;
    this.topics = topics;
  }

  /** Copies the topics that an audit reads. */
  static CopiedLog of(RunLog log) {
    final Topics names = log.run().topics();
    final var all =
        new ArrayList<>(
            List.of(
                names.statistics(),
                names.verdicts(),
                names.updates(),
                names.weights(),
                names.state(),
                names.metrics(),
                names.deadLetters()));
    for (int task = 0; task < log.run().orderedTasks(); task++) {
      all.add(names.gradients(task));
    }
    final var topics = new TreeMap<String, Map<Integer, List<LogRecord>>>();
    for (final String topic : all) {
      for (int partition = 0; partition < log.partitions(topic); partition++) {
        final var records = new ArrayList<LogRecord>();
        try (LogCursor cursor = log.read(new TopicPartition(topic, partition), 0)) {
          for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
            records.add(next);
          }
        }
        topics.computeIfAbsent(topic, absent -> new TreeMap<>()).put(partition, records);
      }
    }
    return new CopiedLog(log.run(), topics);
  }

  /** Another copy, so that this one stays as it is. */
  CopiedLog copy() {
    final var copies = new TreeMap<String, Map<Integer, List<LogRecord>>>();
    topics.forEach(
        (topic, partitions) -> {
          final var copy = new TreeMap<Integer, List<LogRecord>>();
          partitions.forEach((index, records) -> copy.put(index, new ArrayList<>(records)));
          copies.put(topic, copy);
        });
    return new CopiedLog(run, copies);
  }

  private List<LogRecord> records(TopicPartition partition) {
    return topics
        .getOrDefault(partition.topic(), Map.of())
        .getOrDefault(partition.partition(), List.of());
  }

  /** The first record of a topic for which something holds. */
  LogRecord find(String topic, Predicate<LogRecord> condition) {
    return topics.getOrDefault(topic, Map.of()).values().stream()
        .flatMap(List::stream)
        .filter(condition)
        .findFirst()
        .orElseThrow();
  }

  /** Puts other bytes in the place of a record's value. */
  void replace(LogRecord record, UnaryOperator<byte[]> value) {
    records(record.source())
        .replaceAll(
            each ->
                each.offset() == record.offset()
                    ? new LogRecord(
                        each.source(),
                        each.offset(),
                        each.timestamp(),
                        each.key(),
                        value.apply(each.bytes().clone()))
                    : each);
  }

  /** Takes a record out and leaves its offset empty. */
  void drop(LogRecord record) {
    records(record.source()).removeIf(each -> each.offset() == record.offset());
  }

  /** Takes a record out and lets those behind it move up, as a rewritten log would have it. */
  void dropAndMoveUp(LogRecord record) {
    drop(record);
    records(record.source())
        .replaceAll(
            each ->
                each.offset() > record.offset()
                    ? new LogRecord(
                        each.source(),
                        each.offset() - 1,
                        each.timestamp(),
                        each.key(),
                        each.value())
                    : each);
  }

  /** Lets two records of a partition change places. */
  void swap(LogRecord one, LogRecord other) {
    records(one.source())
        .replaceAll(
            each ->
                each.offset() == one.offset()
                    ? moved(other, one)
                    : each.offset() == other.offset() ? moved(one, other) : each);
  }

  private static LogRecord moved(LogRecord from, LogRecord to) {
    return new LogRecord(to.source(), to.offset(), to.timestamp(), from.key(), from.value());
  }

  @Override
  public RunDescription run() {
    return run;
  }

  @Override
  public int partitions(String topic) {
    return topics.getOrDefault(topic, Map.of()).size();
  }

  @Override
  public long start(TopicPartition partition) {
    final List<LogRecord> records = records(partition);
    return records.isEmpty() ? 0 : records.getFirst().offset();
  }

  @Override
  public long end(TopicPartition partition) {
    final List<LogRecord> records = records(partition);
    return records.isEmpty() ? 0 : records.getLast().offset() + 1;
  }

  @Override
  public LogCursor read(TopicPartition partition, long from) {
    final Iterator<LogRecord> records =
        records(partition).stream().filter(record -> record.offset() >= from).iterator();
    return new LogCursor() {
      @Override
      public @Nullable LogRecord next() {
        return records.hasNext() ? records.next() : null;
      }

      @Override
      public void close() {
        // Nothing is open.
      }
    };
  }

  @Override
  public void close() {
    // Nothing is open.
  }
}
