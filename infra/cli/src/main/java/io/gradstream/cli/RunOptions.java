package io.gradstream.cli;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.UserError;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.Cluster;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * Which run a command is about, and where it is: at a broker, or in the directory where {@code
 * train} keeps it on this machine.
 */
final class RunOptions {
  @Option(names = "--run", required = true, paramLabel = "NAME", description = "The run's name.")
  private String name;

  @Option(
      names = "--bootstrap",
      paramLabel = "HOST:PORT",
      description = "A Kafka broker; else the one that runs in --data-dir.")
  private @Nullable String bootstrap;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where train keeps the run; default: data/NAME.")
  private @Nullable Path dataDirectory;

  /** A run that was found; closing it ends what was started to reach it. */
  record Found(Run run, @Nullable EmbeddedKafka kafka) implements AutoCloseable {
    @Override
    public void close() {
      if (kafka != null) {
        kafka.close();
      }
    }
  }

  /** The run's name. */
  String name() {
    return name;
  }

  /** The run's own directory on this machine. */
  RunDirectory directory() {
    return RunDirectory.of(name, dataDirectory);
  }

  /**
   * Finds the run at a broker that is there.
   *
   * @throws UserError if no broker answers, or it has no such run
   */
  Run find() {
    final String address =
        bootstrap != null
            ? bootstrap
            : EmbeddedKafka.findRunning(directory().kafka())
                .orElseThrow(
                    () ->
                        new UserError(
                            "no broker runs in " + directory().kafka() + "; give --bootstrap"));
    return find(address);
  }

  /**
   * Finds the run, if need be by starting the broker that {@code train} left.
   *
   * @throws UserError if there is no such run
   */
  Found open() {
    final Path kafka = directory().kafka();
    if (bootstrap != null || EmbeddedKafka.findRunning(kafka).isPresent()) {
      return new Found(find(), null);
    }
    if (!Files.isDirectory(kafka)) {
      throw new UserError("no run " + name + " in " + kafka + "; give --data-dir or --bootstrap");
    }
    final EmbeddedKafka started = EmbeddedKafka.start(kafka, 0);
    try {
      return new Found(find(started.bootstrapServers()), started);
    } catch (RuntimeException e) {
      started.close();
      throw e;
    }
  }

  private Run find(String address) {
    final Connection connection = Connection.to(address);
    Cluster.open(connection).close();
    return Run.read(connection, name);
  }
}
