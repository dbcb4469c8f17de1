package io.gradstream.audit.archive;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.RunDescription;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** A log that a test puts together record by record. */
final class MemoryLog implements RunLog {
  private final RunDescription run;
  private final Map<TopicPartition, TreeMap<Long, LogRecord>> records = new HashMap<>();

  MemoryLog(RunDescription run) {
    this.run = run;
    add(run.topics().spec(), 0, 0, "run".getBytes(UTF_8), run.record().toByteArray());
  }

  void add(
      String topic, int partition, long offset, byte @Nullable [] key, byte @Nullable [] value) {
    final var source = new TopicPartition(topic, partition);
    records
        .computeIfAbsent(source, absent -> new TreeMap<>())
        .put(offset, new LogRecord(source, offset, 1_000 + offset, key, value));
  }

  List<LogRecord> records(TopicPartition partition) {
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
    return records.containsKey(partition) ? records.get(partition).firstKey() : 0;
  }

  @Override
  public long end(TopicPartition partition) {
    return records.containsKey(partition) ? records.get(partition).lastKey() + 1 : 0;
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
