package io.gradstream.audit.archive;

import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;

/**
 * Whether an archive is as it was written: every record of every segment, and every table beside
 * the records that it was made of. One use, one thread.
 */
public final class ArchiveCheck {
  private final Path directory;
  private final Inventory inventory;
  private long records;
  private int segments;

  private ArchiveCheck(Path directory) {
    this.directory = directory;
    this.inventory = Inventory.read(directory);
  }

  /** What was found whole. */
  public record Whole(long records, int segments, int tables) {}

  /**
   * Reads an archive to its end.
   *
   * @throws UserError if a file is missing, damaged, or not what the others say
   * @throws IOException if tables cannot be made once more beside the archive's
   */
  public static Whole of(Path directory) throws IOException {
    return new ArchiveCheck(directory).check();
  }

  private Whole check() throws IOException {
    final Path again = Files.createTempDirectory("gradstream-tables");
    try (var log = ArchiveRunLog.open(directory)) {
      inventory.tables().forEach(this::check);
      final var rows = new RunTables(log.run(), again);
      try (rows) {
        for (final Inventory.Topic topic : inventory.topics()) {
          for (final Inventory.Partition partition : topic.partitions()) {
            segments += partition.segments().size();
            read(log, new TopicPartition(topic.topic(), partition.partition()), rows);
          }
        }
      }
      for (final Inventory.Table table : inventory.tables()) {
        final Path made = again.resolve(directory.resolve(table.file()).getFileName());
        if (!Files.exists(made) || !sha256(made).equals(table.sha256())) {
          throw damaged(table, "it is not the one that the archive's records give");
        }
      }
    } finally {
      delete(again);
    }
    return new Whole(records, segments, inventory.tables().size());
  }

  private void read(ArchiveRunLog log, TopicPartition partition, RunTables rows)
      throws IOException {
    try (LogCursor cursor = log.read(partition, 0)) {
      for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
        rows.add(next);
        records++;
      }
    }
  }

  private void check(Inventory.Table table) {
    final Path file = directory.resolve(table.file());
    try {
      if (Files.size(file) != table.bytes() || !sha256(file).equals(table.sha256())) {
        throw damaged(table, "its bytes are not those that were written");
      }
    } catch (IOException e) {
      throw damaged(table, "it cannot be read (" + e + ")");
    }
  }

  private UserError damaged(Inventory.Table table, String how) {
    return new UserError(
        "archive table %s is damaged: %s; bring it back from a copy of the archive"
            .formatted(directory.resolve(table.file()), how));
  }

  private static void delete(Path directory) throws IOException {
    final List<Path> files;
    try (Stream<Path> all = Files.walk(directory)) {
      files = all.sorted(Comparator.reverseOrder()).toList();
    }
    for (final Path file : files) {
      Files.delete(file);
    }
  }

  /** SHA-256 of a file, in hexadecimal digits. */
  static String sha256(Path file) throws IOException {
    final MessageDigest digest = Digests.sha256();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
