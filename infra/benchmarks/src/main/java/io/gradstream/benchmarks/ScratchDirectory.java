package io.gradstream.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** A directory for what a benchmark writes; deleted when closed. */
record ScratchDirectory(Path path) implements AutoCloseable {
  static ScratchDirectory create() {
    try {
      return new ScratchDirectory(Files.createTempDirectory("gradstream-bench-"));
    } catch (IOException e) {
      throw new UncheckedIOException("no directory for temporary files", e);
    }
  }

  @Override
  public void close() {
    try (Stream<Path> files = Files.walk(path)) {
      for (final Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("could not delete " + path, e);
    }
  }
}
