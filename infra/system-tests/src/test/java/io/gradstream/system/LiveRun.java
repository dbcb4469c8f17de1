package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.arbitrator.topology.Arbitrator;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.proto.streams.StreamsSettings;
import io.gradstream.proto.topic.Connection;
import io.gradstream.server.topology.ParameterServer;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Submission;
import io.gradstream.submission.weights.Weights;
import io.gradstream.submission.weights.WeightsReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * A submitted run of quadratics over several shards, and its services, which a test starts and ends
 * as it likes.
 */
record LiveRun(Run run, CheckedSpec checked, Path directory) {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private static final String SPEC =
      """
      run: %s
      seed: 7
      rounds: 24
      tasks:
        - {name: first, loss: quadratic}
        - {name: second, loss: quadratic}
      accumulation: {mode: sequential, micro-batches: 3, batch-size: 1}
      model: {type: toy, dimension: 500, own-dimension: 40, tensors: 5, noise: 0.1, buffers: 20}
      resolver: {method: gcond, thresholds: [-0.8, -0.5, 0.0]}
      optimizer: {type: adamw, learning-rate: 0.02, weight-decay: 0.0}
      transport: {partitions: 3, shard-values: 64, commit-interval-ms: 200}
      orders: {timeout-ms: 2000}
      """;

  static RunSpec spec(String name, String... overrides) {
    return RunSpec.parse(SPEC.formatted(name), "test", List.of(overrides));
  }

  /** Submits a run; overrides are assignments such as {@code transport.partitions=1}. */
  static LiveRun submit(EmbeddedKafka kafka, Path directory, String name, String... overrides) {
    final var checked = CheckedSpec.of(spec(name, overrides));
    final var run = Submission.submit(checked, Connection.to(kafka.bootstrapServers())).run();
    return new LiveRun(run, checked, directory.resolve(name));
  }

  StreamsService startArbitrator(String instance) {
    return Arbitrator.start(run, instance, directory.resolve("arbitrator-" + instance));
  }

  /** An arbitrator of one thread that dies where its clients do. */
  KafkaStreams startCrashingArbitrator(CrashingClients clients) {
    final String application = run.topics().arbitratorApplication();
    return startCrashing(application, Arbitrator.topology(run), clients);
  }

  /** A service of one thread that dies where its clients do. */
  KafkaStreams startCrashing(String application, Topology topology, CrashingClients clients) {
    final Properties settings =
        StreamsSettings.of(run, application, "one", directory.resolve("crashing-" + application));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    final var streams = new KafkaStreams(topology, settings, clients);
    streams.setUncaughtExceptionHandler(fault -> StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
    streams.start();
    return streams;
  }

  StreamsService startServer(String instance) {
    return ParameterServer.start(run, instance, directory.resolve("server-" + instance));
  }

  WorkerFleet startWorkers(int threads) {
    return WorkerFleet.start(run, threads, Set.copyOf(run.manifest().tasks()), checked.models());
  }

  void awaitVersion(long version) {
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(150))
        .untilAsserted(() -> assertThat(version()).isGreaterThanOrEqualTo(version));
  }

  long version() {
    return new WeightsReader(run).latest().map(Weights::version).orElse(-1L);
  }

  /** Waits for the last round and tells the digest of the weights. */
  String digest() {
    awaitVersion(run.spec().rounds());
    return new WeightsReader(run).newest().sha256();
  }

  /** Trains from where the run is to its end, with nothing in between. */
  String trainUndisturbed(int workers) {
    try (var server = startServer("one");
        var arbitrator = startArbitrator("one");
        var fleet = startWorkers(workers)) {
      final String digest = digest();
      assertThat(server.failure()).isEmpty();
      assertThat(arbitrator.failure()).isEmpty();
      assertThat(fleet.failure()).isEmpty();
      return digest;
    }
  }
}
