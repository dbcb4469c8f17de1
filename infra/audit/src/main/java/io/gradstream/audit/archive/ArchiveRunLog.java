package io.gradstream.audit.archive;

import io.gradstream.proto.UserError;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.topic.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A run's log in an archive; no Kafka is needed to read it.
 *
 * <p>Opening it looks whether every file is there in its size. What the files hold is checked while
 * it is read, see {@link SegmentCursor}, so that an audit reads everything once.
 */
public final class ArchiveRunLog implements RunLog {
  private final Path directory;
  private final Map<String, Map<Integer, Inventory.Partition>> topics = new HashMap<>();
  private final RunDescription run;

  private ArchiveRunLog(Path directory, Inventory inventory) {
    this.directory = directory;
    for (final Inventory.Topic topic : inventory.topics()) {
      final var partitions = new HashMap<Integer, Inventory.Partition>();
      topic.partitions().forEach(one -> partitions.put(one.partition(), one));
      topics.put(topic.topic(), partitions);
    }
    this.run = describe(inventory.run());
  }

  /**
   * Opens an archive.
   *
   * @throws UserError if the directory holds none, or files are missing or of another size
   */
  public static ArchiveRunLog open(Path directory) {
    final Inventory inventory = Inventory.read(directory);
    inventory.topics().stream()
        .map(Inventory.Topic::partitions)
        .flatMap(Collection::stream)
        .map(Inventory.Partition::segments)
        .flatMap(Collection::stream)
        .forEach(segment -> requireSize(directory.resolve(segment.file()), segment.bytes()));
    return new ArchiveRunLog(directory, inventory);
  }

  private static void requireSize(Path file, long bytes) {
    final long found;
    try {
      found = Files.size(file);
    } catch (IOException e) {
      throw new UserError(
          "archive file %s is missing (%s); bring it back from a copy of the archive"
              .formatted(file, e),
          e);
    }
    if (found != bytes) {
      throw new UserError(
          "archive file %s has %,d bytes, not %,d; bring it back from a copy of the archive"
              .formatted(file, found, bytes));
    }
  }

  /** The first record on the spec topic that is one, as on a cluster. */
  private RunDescription describe(String name) {
    final String topic = Topics.spec(name);
    final var records = new ArrayList<byte @Nullable []>();
    try (LogCursor cursor = read(new TopicPartition(topic, 0), 0)) {
      for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
        if (RunDescription.isRunRecord(next.bytes())) {
          records.add(next.value());
        }
      }
    }
    return RunDescription.first(name, records, "archive " + directory + ", topic " + topic);
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
    final Inventory.Partition archived = find(partition);
    if (archived == null) {
      return 0;
    }
    return archived.segments().isEmpty() ? archived.end() : archived.segments().getFirst().first();
  }

  @Override
  public long end(TopicPartition partition) {
    final Inventory.Partition archived = find(partition);
    return archived == null ? 0 : archived.end();
  }

  private Inventory.@Nullable Partition find(TopicPartition partition) {
    return topics.getOrDefault(partition.topic(), Map.of()).get(partition.partition());
  }

  @Override
  public LogCursor read(TopicPartition partition, long from) {
    final Inventory.Partition archived = find(partition);
    final List<Inventory.Segment> segments = archived == null ? List.of() : archived.segments();
    return new Cursor(
        partition, from, segments.stream().filter(segment -> segment.last() >= from).toList());
  }

  @Override
  public void close() {
    // Every cursor closes its own file.
  }

  /** One segment after the other. */
  private final class Cursor implements LogCursor {
    private final TopicPartition partition;
    private final long from;
    private final Deque<Inventory.Segment> ahead;
    private @Nullable SegmentCursor segment;

    Cursor(TopicPartition partition, long from, List<Inventory.Segment> segments) {
      this.partition = partition;
      this.from = from;
      this.ahead = new ArrayDeque<>(segments);
    }

    @Override
    public @Nullable LogRecord next() {
      LogRecord record = nextArchived();
      while (record != null && record.offset() < from) {
        record = nextArchived();
      }
      return record;
    }

    private @Nullable LogRecord nextArchived() {
      while (true) {
        if (segment != null) {
          final LogRecord record = segment.next();
          if (record != null) {
            return record;
          }
          close();
        }
        final Inventory.Segment following = ahead.poll();
        if (following == null) {
          return null;
        }
        segment = new SegmentCursor(directory, partition, following);
      }
    }

    @Override
    public void close() {
      if (segment != null) {
        segment.close();
        segment = null;
      }
    }
  }
}
