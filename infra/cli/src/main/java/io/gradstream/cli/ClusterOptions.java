package io.gradstream.cli;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.ClusterAdmin;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Which run a command is about, and which cluster it is on: that of an address, or the broker that
 * {@code train} keeps in a directory on this machine. Whether the cluster has such a run is another
 * question ({@link RunOptions}).
 */
class ClusterOptions {
  @Option(names = "--run", required = true, paramLabel = "NAME", description = "The run's name.")
  private String name;

  @Mixin private ConnectionOptions cluster;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where train keeps the run; default: data/NAME.")
  private @Nullable Path dataDirectory;

  /** A cluster that answered; closing it ends what was started to reach it. */
  record Reached(Connection connection, @Nullable EmbeddedKafka kafka) implements AutoCloseable {
    @Override
    public void close() {
      if (kafka != null) {
        kafka.close();
      }
    }
  }

  /**
   * The run's name.
   *
   * @throws UserError if no run can have it, so that it is no part of a path or a topic either
   */
  final String name() {
    if (!RunSpec.isName(name)) {
      throw new UserError(
          "--run: \"" + Printable.of(name) + "\" is not allowed; " + RunSpec.NAME_RULE);
    }
    return name;
  }

  /** The run's own directory on this machine. */
  final RunDirectory directory() {
    return RunDirectory.of(name(), dataDirectory);
  }

  /**
   * The address to reach the cluster by.
   *
   * @throws UserError if none is given and no broker runs in the run's directory
   */
  final Connection connection() {
    return cluster
        .cluster(dataDirectory != null)
        .orElseGet(
            () ->
                cluster.to(
                    EmbeddedKafka.findRunning(directory().kafka())
                        .orElseThrow(
                            () ->
                                new UserError(
                                    "no broker runs in "
                                        + directory().kafka()
                                        + "; give --bootstrap HOST:PORT, or the --data-dir of the run"))));
  }

  /**
   * Reaches the cluster, if need be by starting the broker that {@code train} left.
   *
   * @throws UserError if no broker answers, or nothing was left in the directory
   */
  final Reached reach() {
    final Path kafka = directory().kafka();
    if (cluster.cluster(dataDirectory != null).isPresent()
        || EmbeddedKafka.findRunning(kafka).isPresent()) {
      return requireAnswer(new Reached(connection(), null));
    }
    if (!Files.isDirectory(kafka)) {
      throw new UserError("no run " + name() + " in " + kafka + "; give --data-dir or --bootstrap");
    }
    final EmbeddedKafka started = EmbeddedKafka.start(kafka, 0);
    return requireAnswer(new Reached(cluster.to(started.bootstrapServers()), started));
  }

  private static Reached requireAnswer(Reached reached) {
    try {
      ClusterAdmin.open(reached.connection()).close();
      return reached;
    } catch (RuntimeException e) {
      reached.close();
      throw e;
    }
  }
}
