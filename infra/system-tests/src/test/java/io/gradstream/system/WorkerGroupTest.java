package io.gradstream.system;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.UserError;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How many workers a run can have: each is a member of its share group. */
class WorkerGroupTest {
  @TempDir static Path directory;

  private static EmbeddedKafka kafka;

  @BeforeAll
  static void start() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @Test
  void moreWorkersThanTheBrokersAllowAreRefusedWithTheSettingsName() {
    final LiveRun run = LiveRun.submit(kafka, directory, "limited");

    assertThatThrownBy(() -> run.startWorkers(1001))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(
            "run limited has 0 workers, 1001 more would be more than the brokers' setting"
                + " group.share.max.size allows, which is 1000");
  }

  /** So that a hundred arrive in a second, and the session outlasts some that are lost. */
  @Test
  void aLargeGroupSendsItsHeartbeatsLessOften() throws Exception {
    final LiveRun run = LiveRun.submit(kafka, directory, "paced");
    final var group =
        new ConfigResource(ConfigResource.Type.GROUP, run.run().topics().workerGroup());
    try (Admin admin = run.run().connection().admin()) {
      assertThat(value(admin, group, "share.heartbeat.interval.ms")).isEqualTo(300);

      try (var workers = run.startWorkers(31)) {
        assertThat(value(admin, group, "share.heartbeat.interval.ms")).isEqualTo(310);
        assertThat(value(admin, group, "share.session.timeout.ms")).isEqualTo(6_000);
        assertThat(workers.failure()).isEmpty();
      }
    }
  }

  private static int value(Admin admin, ConfigResource group, String name) throws Exception {
    final Config config =
        requireNonNull(admin.describeConfigs(List.of(group)).all().get().get(group));
    return Integer.parseInt(config.get(name).value());
  }

  private static int members(Admin admin, LiveRun run) throws Exception {
    return admin
        .describeShareGroups(List.of(run.run().topics().workerGroup()))
        .all()
        .get()
        .values()
        .stream()
        .mapToInt(description -> description.members().size())
        .sum();
  }

  /** Kafka's default is 200. */
  @Test
  @Tag("chaos")
  void fiveHundredWorkersTrainTogether() throws Exception {
    final LiveRun run =
        LiveRun.submit(kafka, directory, "crowded", "rounds=3", "orders.timeout-ms=60000");
    try (var workers = run.startWorkers(500);
        Admin admin = run.run().connection().admin()) {
      await().atMost(Duration.ofMinutes(5)).until(() -> members(admin, run) == 500);
      try (var server = run.startServer("one");
          var arbitrator = run.startArbitrator("one")) {
        run.awaitVersion(run.run().spec().rounds());
        assertThat(server.failure()).isEmpty();
        assertThat(arbitrator.failure()).isEmpty();
      }
      assertThat(workers.failure()).isEmpty();
    }
  }
}
