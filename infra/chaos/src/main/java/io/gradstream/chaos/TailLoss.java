package io.gradstream.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a power failure does to a broker: the last bytes of its logs, which Kafka does not flush by
 * itself, are gone. The cluster's own metadata are flushed and stay.
 */
final class TailLoss {
  private static final long MOST_BYTES = 200_000;
  private static final String METADATA = "__cluster_metadata-0";

  private TailLoss() {}

  /**
   * Cuts the end off the newest segment of every partition.
   *
   * @param logs a broker's log directory; the broker does not run
   * @param seed how much is cut off which
   * @return how many partitions lost something
   */
  static int cut(Path logs, long seed) {
    final var random = new SplittableRandom(seed);
    int cut = 0;
    for (final Path partition : partitions(logs)) {
      final Path segment = newest(partition);
      if (segment != null && shorten(segment, random.nextLong(MOST_BYTES))) {
        cut++;
      }
    }
    return cut;
  }

  private static List<Path> partitions(Path logs) {
    try (Stream<Path> entries = Files.list(logs)) {
      return entries
          .filter(Files::isDirectory)
          .filter(directory -> !directory.endsWith(METADATA))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("the logs of a broker cannot be read", e);
    }
  }

  private static @Nullable Path newest(Path partition) {
    try (Stream<Path> files = Files.list(partition)) {
      return files
          .filter(file -> file.toString().endsWith(".log"))
          .sorted()
          .reduce((_, later) -> later)
          .orElse(null);
    } catch (IOException e) {
      throw new UncheckedIOException("the log of a partition cannot be read", e);
    }
  }

  private static boolean shorten(Path segment, long bytes) {
    try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
      final long before = file.size();
      file.truncate(Math.max(0, before - bytes));
      return file.size() < before;
    } catch (IOException e) {
      throw new UncheckedIOException("a segment cannot be cut", e);
    }
  }
}
