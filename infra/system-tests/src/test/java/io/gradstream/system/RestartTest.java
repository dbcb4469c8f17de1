package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.streams.StreamsService;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Same slots, same bits: who restarts, joins or leaves in mid-run changes nothing. */
class RestartTest {
  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static String undisturbed;

  @BeforeAll
  static void trainUndisturbed() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
    undisturbed =
        LiveRun.submit(kafka, directory, "undisturbed", "transport.partitions=1")
            .trainUndisturbed(1);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @Test
  void restartsInMidRunChangeNothing() {
    final LiveRun run = LiveRun.submit(kafka, directory, "restarted");
    StreamsService server = run.startServer("one");
    StreamsService arbitrator = run.startArbitrator("one");
    try (var workers = run.startWorkers(2)) {
      run.awaitVersion(6);
      arbitrator.close();
      arbitrator = run.startArbitrator("one");
      run.awaitVersion(12);
      server.close();
      server = run.startServer("one");
      run.awaitVersion(18);
      server.close();
      arbitrator.close();
      server = run.startServer("one");
      arbitrator = run.startArbitrator("one");

      assertThat(run.digest()).isEqualTo(undisturbed);
      assertThat(workers.failure()).isEmpty();
    } finally {
      server.close();
      arbitrator.close();
    }
  }

  @Test
  void instancesThatJoinAndLeaveChangeNothing() {
    final LiveRun run = LiveRun.submit(kafka, directory, "shared", "transport.standby-replicas=1");
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one");
        var workers = run.startWorkers(2)) {
      run.awaitVersion(4);
      final StreamsService otherServer = run.startServer("two");
      final StreamsService otherArbitrator = run.startArbitrator("two");
      try {
        run.awaitVersion(14);
        assertThat(otherServer.failure()).isEmpty();
        assertThat(otherArbitrator.failure()).isEmpty();
      } finally {
        otherServer.leave();
        otherArbitrator.leave();
      }

      assertThat(run.digest()).isEqualTo(undisturbed);
      assertThat(server.failure()).isEmpty();
      assertThat(arbitrator.failure()).isEmpty();
      assertThat(workers.failure()).isEmpty();
    }
  }
}
