package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.worker.WorkerFleet;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A round that cannot end says what it waits for, and ends once that comes. */
class StandstillTest {
  @TempDir static Path directory;

  @Test
  void aTaskWithoutAWorkerIsNamedAndTheRunGoesOnWhenOneComes() {
    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0)) {
      final LiveRun run = LiveRun.submit(kafka, directory, "stands", "orders.timeout-ms=1000");
      try (var server = run.startServer("one");
          var arbitrator = run.startArbitrator("one");
          var first = WorkerFleet.start(run.run(), 1, Set.of("first"), run.checked().models())) {
        await()
            .atMost(Duration.ofSeconds(60))
            .untilAsserted(
                () ->
                    assertThat(status(run))
                        .containsPattern("round 0 stands still since \\d\\d:\\d\\d:\\d\\d")
                        .contains("waits for second slots [0, 1, 2] (no worker serves it)"));

        try (var second =
            WorkerFleet.start(run.run(), 1, Set.of("second"), run.checked().models())) {
          run.awaitVersion(run.run().spec().rounds());
          assertThat(second.failure()).isEmpty();
        }

        assertThat(status(run)).contains("round 24 of 24").doesNotContain("stands still");
        assertThat(first.failure()).isEmpty();
        assertThat(server.failure()).isEmpty();
        assertThat(arbitrator.failure()).isEmpty();
      }
    }
  }

  private static String status(LiveRun run) {
    return CommandLineRun.of(
            "status", "--run", "stands", "--bootstrap", run.run().connection().bootstrap())
        .out();
  }
}
