package io.gradstream.cli;

import io.gradstream.cli.progress.Report;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.UserError;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Submission;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream train}. */
@Command(
    name = "train",
    description = {
      "Trains a run in one process: broker, server, arbitrator, workers and evaluator.",
      "Interrupted, the same command goes on where it stopped."
    },
    mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
  /** What shells expect after Ctrl-C. */
  private static final int INTERRUPTED = 130;

  @Mixin private SpecOptions options;

  @SuppressWarnings("UnusedVariable") // picocli acts on it
  @Mixin
  private ArithmeticOptions arithmetic;

  @Mixin private KeyOptions key;

  @Option(
      names = "--workers",
      paramLabel = "N",
      description = "Worker threads, instead of the spec's; without effect on the result.")
  private @Nullable Integer workers;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where Kafka's data, log and model go; default: data/NAME.")
  private @Nullable Path dataDirectory;

  @Mixin private ConnectionOptions cluster;

  @Option(names = "--json", description = "Print the result as one JSON object, as the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    final CheckedSpec checked = options.check();
    final int threads = workers == null ? checked.spec().compute().workers() : workers;
    if (threads < 1 || threads > 1024) {
      throw new UserError("--workers: " + threads + " is not possible; 1 to 1024");
    }
    final RunDirectory directory = RunDirectory.of(checked.spec().run(), dataDirectory);
    final var command = spec.commandLine();
    // With --json, standard output carries the result alone.
    final var display = new ProgressDisplay(json ? command.getErr() : command.getOut());
    try (var stop = new StopSignal()) {
      final Report report = train(checked, threads, directory, display, stop);
      if (json) {
        command.getOut().println(report.json());
        command.getOut().flush();
      }
      return stop.isRaised() ? INTERRUPTED : 0;
    }
  }

  private Report train(
      CheckedSpec checked,
      int threads,
      RunDirectory directory,
      ProgressDisplay display,
      StopSignal stop)
      throws IOException {
    Logging.toFile(directory.log());
    final Optional<Connection> named = cluster.cluster(false);
    if (named.isPresent()) {
      return train(named.get(), checked, threads, directory, display, stop);
    }
    try (var kafka = EmbeddedKafka.start(directory.kafka(), 0)) {
      return train(
          Connection.to(kafka.bootstrapServers()), checked, threads, directory, display, stop);
    }
  }

  private Report train(
      Connection connection,
      CheckedSpec checked,
      int threads,
      RunDirectory directory,
      ProgressDisplay display,
      StopSignal stop)
      throws IOException {
    final var signers = key.signers(checked.spec(), Training.roles(checked.spec()));
    final var outcome = Submission.submit(checked, connection);
    return new Training(outcome.run(), directory, signers, display, stop)
        .run(threads, checked.models());
  }
}
