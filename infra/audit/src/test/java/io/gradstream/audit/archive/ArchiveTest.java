package io.gradstream.audit.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.audit.MemoryLog;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An archive gives back what was on the log, and says which file of it is not as it was. */
class ArchiveTest {
  private static final TopicPartition UPDATES = new TopicPartition("old.updates", 0);
  private static final String SPEC =
      """
      run: old
      rounds: 3
      tasks:
        - {name: a, loss: quadratic}
      model: {type: toy}
      resolver: sum
      optimizer: {type: sgd, learning-rate: 0.1}
      """;

  @TempDir private Path directory;
  private Path archive;
  private MemoryLog log;

  @BeforeEach
  void write() throws IOException {
    final Manifest manifest =
        Manifest.of(
            List.of("a"), List.of(new TensorShape("w", new long[] {4}, TensorShape.SHARED)), 4, 1);
    log = new MemoryLog(RunDescription.of(RunSpec.parse(SPEC, "test", List.of()), manifest));
    log.add("old.updates", 0, 5, Keys.shard(0), new byte[] {1, 2, 3});
    log.add("old.updates", 0, 6, Keys.shard(0), new byte[1000]);
    log.add("old.updates", 0, 9, null, new byte[0]);
    log.add("old.weights", 0, 0, Keys.shard(0), null);
    archive = directory.resolve("archive");
    ArchiveWriter.write(log, archive, bytes -> {});
  }

  @Test
  void recordsComeBackAsTheyWere() {
    try (RunLog opened = ArchiveRunLog.open(archive)) {
      assertThat(opened.run().digest()).isEqualTo(log.run().digest());
      for (final String topic : List.of("old.spec", "old.updates", "old.weights")) {
        final var partition = new TopicPartition(topic, 0);
        assertThat(opened.partitions(topic)).isEqualTo(1);
        assertThat(opened.start(partition)).isEqualTo(log.start(partition));
        assertThat(opened.end(partition)).isEqualTo(log.end(partition));
        assertThat(read(opened, partition, 0))
            .usingRecursiveComparison()
            .isEqualTo(log.records(partition));
      }
      assertThat(read(opened, UPDATES, 6)).extracting(LogRecord::offset).containsExactly(6L, 9L);
      assertThat(read(opened, UPDATES, 10)).isEmpty();
      assertThat(opened.partitions("old.orders.a")).isZero();
    }
  }

  @Test
  void aFlippedBitIsFoundWithItsOffset() throws IOException {
    final Path segment = segment();
    final byte[] bytes = Files.readAllBytes(segment);
    bytes[bytes.length - 100] ^= 4;
    Files.write(segment, bytes);

    assertThatThrownBy(this::readUpdates)
        .isInstanceOf(UserError.class)
        .hasMessageContaining(segment.toString())
        .hasMessageContaining("record at offset 6");
  }

  @Test
  void aWholeArchiveIsVerified() throws IOException {
    final ArchiveCheck.Whole whole = ArchiveCheck.of(archive);

    assertThat(whole.records()).isEqualTo(5);
    assertThat(whole.tables()).isEqualTo(TableColumns.names().size());
  }

  @Test
  void aDamagedTableIsFound() throws IOException {
    final Path table = archive.resolve("tables").resolve("rounds.parquet");
    final byte[] bytes = Files.readAllBytes(table);
    bytes[bytes.length / 2] ^= 1;
    Files.write(table, bytes);

    assertThatThrownBy(() -> ArchiveCheck.of(archive))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(table.toString())
        .hasMessageContaining("its bytes are not those that were written");
  }

  /** Whoever changes a table can change the inventory as well; the records stay what they are. */
  @Test
  void aTableThatTheRecordsDoNotGiveIsFound() throws IOException {
    final Path table = archive.resolve("tables").resolve("rounds.parquet");
    final Path other = archive.resolve("tables").resolve("losses.parquet");
    final Path inventory = archive.resolve(Inventory.FILE);
    final String before = ArchiveCheck.sha256(table);
    final long size = Files.size(table);
    Files.copy(other, table, StandardCopyOption.REPLACE_EXISTING);
    Files.writeString(
        inventory,
        Files.readString(inventory)
            .replace(before, ArchiveCheck.sha256(table))
            .replace("\"bytes\" : " + size + ",", "\"bytes\" : " + Files.size(table) + ","));

    assertThatThrownBy(() -> ArchiveCheck.of(archive))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("not the one that the archive's records give");
  }

  @Test
  void aRunCannotBeRenamedNorDescribedTwice() throws IOException {
    final var again = new MemoryLog(log.run());
    again.append(
        "old.spec",
        0,
        null,
        RunDescription.of(
                RunSpec.parse(SPEC.replace("rounds: 3", "rounds: 9"), "test", List.of()),
                log.run().manifest())
            .record()
            .toByteArray());
    final Path twice = directory.resolve("twice");
    ArchiveWriter.write(again, twice, bytes -> {});
    try (RunLog opened = ArchiveRunLog.open(twice)) {
      assertThat(opened.run().spec().rounds()).isEqualTo(3);
    }

    final var renamed = new MemoryLog(log.run());
    renamed.replace(
        renamed.find("old.spec", record -> true),
        RunDescription.of(
                RunSpec.parse(SPEC.replace("run: old", "run: new"), "test", List.of()),
                log.run().manifest())
            .record()
            .toByteArray());
    final Path other = directory.resolve("renamed");
    ArchiveWriter.write(renamed, other, bytes -> {});
    assertThatThrownBy(() -> ArchiveRunLog.open(other))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("holds run new; a run cannot be renamed");
  }

  @Test
  void aDamagedBeginningIsFound() throws IOException {
    final Path segment = segment();
    final byte[] bytes = Files.readAllBytes(segment);
    bytes[10] ^= 1;
    Files.write(segment, bytes);

    assertThatThrownBy(this::readUpdates)
        .isInstanceOf(UserError.class)
        .hasMessageContaining(segment.toString());
  }

  @Test
  void aReplacedFileIsFoundByItsDigest() throws IOException {
    final Path segment = segment();
    final long size = Files.size(segment);
    Files.delete(segment);
    try (var writer = new SegmentWriter(segment, UPDATES, 5)) {
      for (final LogRecord record : log.records(UPDATES)) {
        final byte[] value = record.value();
        if (value != null && value.length == 1000) {
          value[0] = 1;
        }
        writer.add(record);
      }
    }
    assertThat(segment).hasSize(size);

    assertThatThrownBy(this::readUpdates)
        .isInstanceOf(UserError.class)
        .hasMessageContaining("SHA-256");
  }

  @Test
  void aShortenedFileIsRefusedAtOnce() throws IOException {
    try (var channel = FileChannel.open(segment(), StandardOpenOption.WRITE)) {
      channel.truncate(500);
    }

    assertThatThrownBy(() -> ArchiveRunLog.open(archive))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("has 500 bytes");
  }

  @Test
  void aMissingFileIsRefusedAtOnce() throws IOException {
    Files.delete(segment());

    assertThatThrownBy(() -> ArchiveRunLog.open(archive))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("is missing");
  }

  @Test
  void aDirectoryWithoutInventoryIsNoArchive() throws IOException {
    Files.delete(archive.resolve(Inventory.FILE));

    assertThatThrownBy(() -> ArchiveRunLog.open(archive))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("is no archive");
  }

  @Test
  void aDirectoryThatHoldsSomethingIsLeftAlone() {
    assertThatThrownBy(() -> ArchiveWriter.write(log, archive, bytes -> {}))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("not empty");
  }

  private Path segment() throws IOException {
    try (Stream<Path> files = Files.list(archive.resolve("records/old.updates/0"))) {
      return files.findFirst().orElseThrow();
    }
  }

  private void readUpdates() {
    try (RunLog opened = ArchiveRunLog.open(archive)) {
      read(opened, UPDATES, 0);
    }
  }

  private static List<LogRecord> read(RunLog log, TopicPartition partition, long from) {
    final var records = new ArrayList<LogRecord>();
    try (LogCursor cursor = log.read(partition, from)) {
      for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
        records.add(next);
      }
    }
    return records;
  }
}
