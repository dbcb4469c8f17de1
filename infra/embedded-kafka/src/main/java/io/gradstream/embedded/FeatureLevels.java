package io.gradstream.embedded;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.Reader;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.metadata.FeatureLevelRecord;
import org.apache.kafka.common.metadata.MetadataRecordType;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.controller.QuorumFeatures;
import org.apache.kafka.metadata.properties.MetaPropertiesVersion;

/**
 * The levels of Kafka's features (formats of its files and records) that a log directory is at,
 * read from its files before Kafka is started on it.
 *
 * <p>Levels are records of the metadata log: those of the newest checkpoint, and of the log from
 * there on. Kafka ends the process when it loads a level that it does not know, on a thread of its
 * own, even if the level was lowered again later.
 */
final class FeatureLevels {
  private static final String CHECKPOINT = ".checkpoint";

  private final Map<String, Short> levels = new TreeMap<>();

  private FeatureLevels() {}

  /**
   * The levels in a log directory that this Kafka does not know, such as {@code metadata.version 40
   * (known up to 33)}; empty if it can be opened, or is not formatted yet.
   */
  static Optional<String> unknown(Path logDirectory) throws IOException {
    final var features = new FeatureLevels();
    features.readFormat(logDirectory.resolve("meta.properties"));
    features.readMetadata(logDirectory);
    final var known = new TreeMap<String, Short>();
    QuorumFeatures.defaultSupportedFeatureMap(false)
        .forEach((feature, range) -> known.put(feature, range.max()));
    known.put("meta.properties", (short) (MetaPropertiesVersion.values().length - 1));
    final String newer =
        features.levels.entrySet().stream()
            .filter(level -> level.getValue() > known.getOrDefault(level.getKey(), (short) 0))
            .map(
                level ->
                    "%s %d (known up to %d)"
                        .formatted(
                            level.getKey(),
                            level.getValue(),
                            known.getOrDefault(level.getKey(), (short) 0)))
            .collect(Collectors.joining(", "));
    return newer.isEmpty() ? Optional.empty() : Optional.of(newer);
  }

  /** The version of {@code meta.properties}, as if it were a feature. */
  private void readFormat(Path file) throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    final var properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file, UTF_8)) {
      properties.load(reader);
    }
    final String version = properties.getProperty("version", "0");
    if (version.matches("\\d{1,4}")) { // Kafka itself refuses anything else
      levels.put("meta.properties", Short.valueOf(version));
    }
  }

  private void readMetadata(Path logDirectory) throws IOException {
    final Path directory = logDirectory.resolve("__cluster_metadata-0");
    if (!Files.isDirectory(directory)) {
      return;
    }
    final List<Path> files;
    try (Stream<Path> entries = Files.list(directory)) {
      files = entries.sorted().toList(); // names begin with offsets of a fixed length
    }
    final Optional<Path> newest =
        files.stream().filter(file -> isNamed(file, CHECKPOINT)).reduce((one, next) -> next);
    if (newest.isPresent()) {
      read(newest.get(), 0);
    }
    final long from =
        newest
            .map(file -> Long.parseLong(file.getFileName().toString().substring(0, 20)))
            .orElse(0L);
    for (final Path file : files) {
      if (isNamed(file, ".log")) {
        read(file, from);
      }
    }
  }

  private static boolean isNamed(Path file, String ending) {
    return file.getFileName().toString().matches("\\d{20}(-\\d{10})?\\" + ending);
  }

  private void read(Path file, long from) throws IOException {
    try (var channel = FileChannel.open(file, StandardOpenOption.READ);
        var arena = Arena.ofConfined()) {
      final var bytes = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena).asByteBuffer();
      for (final RecordBatch batch : MemoryRecords.readableRecords(bytes).batches()) {
        if (batch.lastOffset() >= from && !batch.isControlBatch()) {
          batch.ensureValid();
          batch.forEach(this::read);
        }
      }
    } catch (CorruptRecordException e) {
      // The end of what a killed process wrote; Kafka cuts it off.
    }
  }

  private void read(Record metadata) {
    final var value = new ByteBufferAccessor(metadata.value());
    value.readUnsignedVarint(); // the version of the two numbers that follow
    final int type = value.readUnsignedVarint();
    final int version = value.readUnsignedVarint();
    if (type == MetadataRecordType.FEATURE_LEVEL_RECORD.id()
        && version <= FeatureLevelRecord.HIGHEST_SUPPORTED_VERSION) {
      final var level = new FeatureLevelRecord(value, (short) version);
      levels.merge(level.name(), level.featureLevel(), (one, other) -> one > other ? one : other);
    }
  }
}
