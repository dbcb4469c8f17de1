package io.gradstream.audit.archive;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.gradstream.proto.UserError;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/**
 * What an archive holds, as its file {@value #FILE} says. It is written last: a directory without
 * it is no archive.
 *
 * @param format {@value #FORMAT}
 * @param version of the format
 * @param run the run's name
 * @param topics all topics of the run
 * @param tables files for queries, which no audit needs
 */
record Inventory(String format, int version, String run, List<Topic> topics, List<Table> tables) {
  static final String FILE = "archive.json";
  static final String FORMAT = "gradstream-archive";
  static final int VERSION = 1;

  /** A topic by its full name. */
  record Topic(String topic, List<Partition> partitions) {}

  /**
   * A partition of a topic.
   *
   * @param end offset after the last record when the archive was made
   * @param segments in order of offsets
   */
  record Partition(int partition, long end, List<Segment> segments) {}

  /**
   * Consecutive records of a partition.
   *
   * @param file below the archive's directory, with slashes
   * @param first offset of the first record
   * @param last offset of the last record
   * @param sha256 of the file, 64 hexadecimal digits
   */
  record Segment(String file, long first, long last, long records, long bytes, String sha256) {}

  /** A Parquet file. */
  record Table(String file, long rows, long bytes, String sha256) {}

  /** A file's name as the inventory has it. */
  static String nameOf(Path root, Path file) {
    return root.relativize(file).toString().replace(File.separatorChar, '/');
  }

  void write(Path directory) throws IOException {
    new ObjectMapper()
        .enable(SerializationFeature.INDENT_OUTPUT)
        .writeValue(directory.resolve(FILE).toFile(), this);
  }

  /**
   * Reads the inventory of an archive.
   *
   * @throws UserError if there is none, or it is damaged or of another version
   */
  static Inventory read(Path directory) {
    final Path file = directory.resolve(FILE);
    final Inventory inventory;
    try {
      inventory = new ObjectMapper().readValue(Files.readAllBytes(file), Inventory.class);
    } catch (NoSuchFileException e) {
      throw new UserError(
          "%s is no archive: it has no %s; make one with: gradstream archive --run NAME --out DIR"
              .formatted(directory, FILE),
          e);
    } catch (JsonProcessingException e) {
      throw new UserError(file + " is damaged: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new UserError("cannot read " + file + " (" + e + ")", e);
    }
    if (!FORMAT.equals(inventory.format) || inventory.version != VERSION) {
      throw new UserError(
          "%s is of format %s version %d; this Gradstream reads %s version %d"
              .formatted(file, inventory.format, inventory.version, FORMAT, VERSION));
    }
    return inventory;
  }
}
