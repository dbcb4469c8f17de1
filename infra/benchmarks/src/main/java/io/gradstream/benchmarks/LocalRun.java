package io.gradstream.benchmarks;

import io.gradstream.arbitrator.topology.Arbitrator;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.proto.topic.Connection;
import io.gradstream.server.topology.ParameterServer;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Pause;
import io.gradstream.submission.Submission;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/**
 * A run on a broker in this process, in a directory that is deleted when the run is closed. One
 * thread.
 */
final class LocalRun implements AutoCloseable {
  private static final String INSTANCE = "bench";

  private final ScratchDirectory directory;
  private final EmbeddedKafka kafka;
  private final CheckedSpec checked;
  private final Run run;

  private LocalRun(ScratchDirectory directory, EmbeddedKafka kafka, CheckedSpec checked, Run run) {
    this.directory = directory;
    this.kafka = kafka;
    this.checked = checked;
    this.run = run;
  }

  static LocalRun submit(RunSpec spec) {
    return submit(CheckedSpec.of(spec));
  }

  /** Submits a spec with another model than the one it names. */
  static LocalRun submit(CheckedSpec checked) {
    final var directory = ScratchDirectory.create();
    try {
      final var kafka = EmbeddedKafka.start(directory.path().resolve("kafka"), 0);
      try {
        final var outcome = Submission.submit(checked, Connection.to(kafka.bootstrapServers()));
        return new LocalRun(directory, kafka, checked, outcome.run());
      } catch (RuntimeException e) {
        kafka.close();
        throw e;
      }
    } catch (RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  Run run() {
    return run;
  }

  StreamsService startServer() {
    return ParameterServer.start(run, INSTANCE, state("server"));
  }

  StreamsService startArbitrator() {
    return Arbitrator.start(run, INSTANCE, state("arbitrator"));
  }

  WorkerFleet startWorkers(int count) {
    return WorkerFleet.start(run, count, Set.copyOf(run.manifest().tasks()), checked.models());
  }

  /** Trains to the last round, with all services in this process. */
  void train() {
    try (var server = startServer();
        var arbitrator = startArbitrator();
        var fleet = startWorkers(run.spec().compute().workers())) {
      while (fleet.version() < run.spec().rounds()) {
        requireNone(server.failure());
        requireNone(arbitrator.failure());
        requireNone(fleet.failure());
        Pause.of(Duration.ofMillis(50));
      }
    }
  }

  /**
   * @throws IllegalStateException if a service of this run stopped by itself
   */
  static void requireNone(Optional<Throwable> failure) {
    failure.ifPresent(
        cause -> {
          throw new IllegalStateException("a service stopped", cause);
        });
  }

  private Path state(String role) {
    return directory.path().resolve(role);
  }

  @Override
  public void close() {
    kafka.close();
    directory.close();
  }
}
