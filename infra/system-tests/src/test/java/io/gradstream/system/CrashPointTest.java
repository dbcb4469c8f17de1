package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.arbitrator.topology.Arbitrator;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.server.topology.ParameterServer;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.kafka.streams.Topology;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A service that dies at the worst points of a commit loses nothing and counts nothing twice. */
class CrashPointTest {
  /** Many rounds and short commits, so that the crash comes long before the end. */
  private static final String[] LONG_RUN = {
    "rounds=80", "transport.commit-interval-ms=40", "momentum.mode=integrated", "momentum.beta=0.9"
  };

  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static String undisturbed;

  @BeforeAll
  static void trainUndisturbed() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
    undisturbed = LiveRun.submit(kafka, directory, "undisturbed", LONG_RUN).trainUndisturbed(1);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "WHEN_TOLD")
  void theArbitratorGoesOnFromItsLastCommit(CrashingClients.Point point) {
    final LiveRun run = LiveRun.submit(kafka, directory, "arbitrator-" + point, LONG_RUN);
    final String application = run.run().topics().arbitratorApplication();
    try (var server = run.startServer("one");
        var workers = run.startWorkers(1)) {
      crash(run, application, Arbitrator.topology(run.run()), point);
      try (var arbitrator = run.startArbitrator("one")) {
        assertThat(run.digest()).isEqualTo(undisturbed);
        assertThat(arbitrator.failure()).isEmpty();
      }
      assertThat(server.failure()).isEmpty();
      assertThat(workers.failure()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "WHEN_TOLD")
  void theServerGoesOnFromItsLastCommit(CrashingClients.Point point) {
    final LiveRun run = LiveRun.submit(kafka, directory, "server-" + point, LONG_RUN);
    final String application = run.run().topics().serverApplication();
    try (var arbitrator = run.startArbitrator("one");
        var workers = run.startWorkers(1)) {
      crash(run, application, ParameterServer.topology(run.run()), point);
      try (var server = run.startServer("one")) {
        assertThat(run.digest()).isEqualTo(undisturbed);
        assertThat(server.failure()).isEmpty();
      }
      assertThat(arbitrator.failure()).isEmpty();
      assertThat(workers.failure()).isEmpty();
    }
  }

  /** Runs a service until it dies at the point. */
  private static void crash(
      LiveRun run, String application, Topology topology, CrashingClients.Point point) {
    final var clients = new CrashingClients(point);
    try (var streams = run.startCrashing(application, topology, clients)) {
      await().atMost(Duration.ofSeconds(60)).until(() -> streams.state().hasCompletedShutdown());
    }
    assertThat(clients.crashed()).isTrue();
    assertThat(run.version()).isLessThan(run.run().spec().rounds());
  }
}
