package io.gradstream.audit.rounds;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.record.DeadLetters;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;

/** The places of the records that a run's dead letters tell of, and how many each worker sent. */
public final class RefusedRecords {
  private record Source(TopicPartition partition, long offset) {}

  private static final int MOST_NAMES = 1_000;

  private final Set<Source> sources = new HashSet<>();
  private final Map<String, Long> byWorker = new TreeMap<>();

  private RefusedRecords() {}

  /** Reads all dead letters; only their places are kept. */
  public static RefusedRecords read(RunLog log) {
    final var refused = new RefusedRecords();
    final String topic = log.run().topics().deadLetters();
    if (log.partitions(topic) == 0) {
      return refused;
    }
    try (LogCursor letters = log.read(new TopicPartition(topic, 0), 0)) {
      for (LogRecord record = letters.next(); record != null; record = letters.next()) {
        refused.add(record);
      }
    }
    return refused;
  }

  private void add(LogRecord record) {
    try {
      final DeadLetter letter = DeadLetter.parseFrom(record.bytes());
      final var partition = new TopicPartition(letter.getTopic(), letter.getPartition());
      if (sources.add(new Source(partition, letter.getOffset()))) {
        count(DeadLetters.printable(letter.getWorker()));
      }
    } catch (InvalidProtocolBufferException e) {
      count("");
    }
  }

  /** Names are the sender's choice: of very many the rest is counted together. */
  private void count(String worker) {
    final boolean room = byWorker.size() < MOST_NAMES || byWorker.containsKey(worker);
    byWorker.merge(room ? worker : "others", 1L, Long::sum);
  }

  /** Whether a record was refused. */
  public boolean contains(LogRecord record) {
    return sources.contains(new Source(record.source(), record.offset()));
  }

  /**
   * Refused records by the worker that they named, fit for a terminal; an empty name for those that
   * named none.
   */
  public Map<String, Long> byWorker() {
    return Map.copyOf(byWorker);
  }
}
