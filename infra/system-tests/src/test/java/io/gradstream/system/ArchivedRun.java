package io.gradstream.system;

import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * A run that is over, its broker and its archive, for tests that look into its past: trained once
 * for all of them. It has everything that is remembered between rounds: momentum, the sums of the
 * round before, a calibrator's memories, optimizer moments, the method's own state; and rounds with
 * and without conflict.
 */
final class ArchivedRun implements ParameterResolver {
  static final String NAME = "recorded";
  static final int ROUNDS = 18;

  /**
   * What was made.
   *
   * @param sha256 of the weights at the end
   */
  record Recorded(Path directory, EmbeddedKafka kafka, LiveRun run, String sha256, Path archive)
      implements AutoCloseable {
    static Recorded make() {
      try {
        final Path directory = Files.createTempDirectory("recorded");
        final var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
        final LiveRun run =
            LiveRun.submit(
                kafka,
                directory,
                NAME,
                "rounds=" + ROUNDS,
                "transport.partitions=2",
                "model.noise=3.0",
                "clip-norm=5.0",
                "calibrator={method: vargrad, gamma: 0.5}");
        final String sha256 = run.trainUndisturbed(2);
        final Path archive = directory.resolve("archive");
        final CommandLineRun written =
            CommandLineRun.of(
                "archive",
                "--run",
                NAME,
                "--bootstrap",
                kafka.bootstrapServers(),
                "--out",
                archive.toString());
        if (written.exitCode() != 0) {
          throw new IllegalStateException(written.err());
        }
        return new Recorded(directory, kafka, run, sha256, archive);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Runs a command on the run's topics. */
    CommandLineRun onKafka(String command, String... options) {
      return on("--bootstrap", kafka.bootstrapServers(), command, options);
    }

    /** Runs a command on the run's archive. */
    CommandLineRun onArchive(String command, String... options) {
      return on("--archive", archive.toString(), command, options);
    }

    private static CommandLineRun on(
        String where, String place, String command, String... options) {
      return CommandLineRun.of(
          Stream.concat(Stream.of(command, "--run", NAME, where, place), Stream.of(options))
              .toArray(String[]::new));
    }

    @Override
    public void close() throws IOException {
      kafka.close();
      final List<Path> files;
      try (Stream<Path> all = Files.walk(directory)) {
        files = all.sorted(Comparator.reverseOrder()).toList();
      }
      for (final Path file : files) {
        Files.delete(file);
      }
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Recorded.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getRoot()
        .getStore(ExtensionContext.Namespace.create(ArchivedRun.class))
        .getOrComputeIfAbsent(Recorded.class, key -> Recorded.make(), Recorded.class);
  }
}
