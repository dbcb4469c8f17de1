package io.gradstream.audit.archive;

import io.gradstream.audit.rounds.LogCut;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.topic.TopicKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Writes a run's log into a directory: raw records in segments for the audit, tables for queries,
 * and at last the {@link Inventory}.
 *
 * <p>Every partition of every topic is read once, from its first record to where the log was cut
 * ({@link LogCut}), so that of a run that still trains no cause is missing. One thread.
 */
public final class ArchiveWriter {
  /** A segment ends with the record that reaches this size. */
  private static final long SEGMENT_BYTES = 64L << 20;

  private final RunLog log;
  private final Path directory;
  private final LongConsumer progress;
  private long bytes;

  private ArchiveWriter(RunLog log, Path directory, LongConsumer progress) {
    this.log = LogCut.of(log);
    this.directory = directory;
    this.progress = progress;
  }

  /**
   * What was written.
   *
   * @param records raw records of all topics
   * @param bytes of their segments
   * @param segments files they lie in
   * @param tables Parquet files beside them
   */
  public record Written(long records, long bytes, int segments, int tables) {}

  /**
   * Writes an archive.
   *
   * @param directory empty, or not there yet
   * @param progress told the bytes written so far, now and then
   * @throws UserError if the directory holds something
   * @throws IOException if it cannot be written
   */
  public static Written write(RunLog log, Path directory, LongConsumer progress)
      throws IOException {
    requireEmpty(directory);
    final Inventory inventory = new ArchiveWriter(log, directory, progress).write();
    final List<Inventory.Segment> segments =
        inventory.topics().stream()
            .flatMap(topic -> topic.partitions().stream())
            .flatMap(partition -> partition.segments().stream())
            .toList();
    return new Written(
        segments.stream().mapToLong(Inventory.Segment::records).sum(),
        segments.stream().mapToLong(Inventory.Segment::bytes).sum(),
        segments.size(),
        inventory.tables().size());
  }

  private static void requireEmpty(Path directory) throws IOException {
    if (Files.exists(directory)) {
      try (Stream<Path> files = Files.list(directory)) {
        if (files.findAny().isPresent()) {
          throw new UserError(
              "--out: " + directory + " is not empty; an archive gets a directory of its own");
        }
      }
    }
  }

  private Inventory write() throws IOException {
    final RunDescription run = log.run();
    final Path tables = Files.createDirectories(directory.resolve("tables"));
    final var topics = new ArrayList<Inventory.Topic>();
    final var written = new ArrayList<Inventory.Table>();
    final var rows = new RunTables(run, tables);
    try (rows) {
      for (final TopicKind kind : TopicKind.values()) {
        for (final String topic : run.topicsOf(kind)) {
          topics.add(write(topic, rows));
        }
      }
    }
    for (final String table : TableColumns.names()) {
      final Path file = RunTables.fileOf(tables, table);
      written.add(
          new Inventory.Table(
              Inventory.nameOf(directory, file),
              rows.rows(table),
              Files.size(file),
              ArchiveCheck.sha256(file)));
    }
    final var inventory =
        new Inventory(Inventory.FORMAT, Inventory.VERSION, run.spec().run(), topics, written);
    inventory.write(directory);
    return inventory;
  }

  private Inventory.Topic write(String topic, RunTables tables) throws IOException {
    final var partitions = new ArrayList<Inventory.Partition>();
    for (int number = 0; number < log.partitions(topic); number++) {
      final var partition = new TopicPartition(topic, number);
      final long end = log.end(partition);
      final List<Inventory.Segment> segments = write(partition, tables);
      final long last = segments.isEmpty() ? -1 : segments.getLast().last();
      partitions.add(new Inventory.Partition(number, Math.max(end, last + 1), segments));
    }
    return new Inventory.Topic(topic, partitions);
  }

  private List<Inventory.Segment> write(TopicPartition partition, RunTables tables)
      throws IOException {
    final Path folder =
        directory
            .resolve("records")
            .resolve(partition.topic())
            .resolve(Integer.toString(partition.partition()));
    final var segments = new ArrayList<Inventory.Segment>();
    SegmentWriter segment = null;
    try (LogCursor cursor = log.read(partition, log.start(partition))) {
      for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
        if (segment == null) {
          segment = begin(Files.createDirectories(folder), next);
        }
        segment.add(next);
        tables.add(next);
        if (segment.bytes() >= SEGMENT_BYTES) {
          segments.add(finish(segment));
          segment = null;
        }
      }
      if (segment != null) {
        segments.add(finish(segment));
        segment = null;
      }
    } finally {
      closeBroken(segment);
    }
    return segments;
  }

  private static SegmentWriter begin(Path folder, LogRecord first) throws IOException {
    final Path file = folder.resolve("%020d.segment".formatted(first.offset()));
    return new SegmentWriter(file, first.source(), first.offset());
  }

  private Inventory.Segment finish(SegmentWriter segment) throws IOException {
    final Inventory.Segment finished = segment.finish(directory);
    bytes += finished.bytes();
    progress.accept(bytes);
    return finished;
  }

  private static void closeBroken(@Nullable SegmentWriter segment) throws IOException {
    if (segment != null) {
      segment.close();
    }
  }
}
