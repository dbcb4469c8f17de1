package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a broker that loses orders, after workers had them, does to a run. */
class LostOrdersTest {
  private static final long LOST = 300;

  @TempDir static Path directory;

  @Test
  void statusNamesThemAndTheServerFillsThemUp() throws Exception {
    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0)) {
      final LiveRun run =
          LiveRun.submit(kafka, directory, "lost", "rounds=4", "orders.timeout-ms=1000");
      placeWorkersBeyondTheEnd(run);
      try (var arbitrator = run.startArbitrator("one")) {
        await()
            .atMost(Duration.ofSeconds(60))
            .untilAsserted(
                () ->
                    assertThat(
                            CommandLineRun.of(
                                    "status",
                                    "--run",
                                    "lost",
                                    "--bootstrap",
                                    kafka.bootstrapServers())
                                .out())
                        .contains(
                            "lost.orders.first-0 lost orders: it ends "
                                + LOST
                                + " records before the workers' position in it"));

        try (var server = run.startServer("one");
            var workers = run.startWorkers(1)) {
          run.awaitVersion(run.run().spec().rounds());

          assertThat(workers.failure()).isEmpty();
          assertThat(server.failure()).isEmpty();
        }
        assertThat(arbitrator.failure()).isEmpty();
      }
    }
  }

  /** As if the group had been given orders that are not on the log any more. */
  private static void placeWorkersBeyondTheEnd(LiveRun run)
      throws ExecutionException, InterruptedException {
    final Map<TopicPartition, Long> starts = new HashMap<>();
    for (int task = 0; task < run.run().orderedTasks(); task++) {
      for (int partition = 0; partition < run.run().orderPartitions(); partition++) {
        starts.put(new TopicPartition(run.run().topics().orders(task), partition), LOST);
      }
    }
    try (Admin admin = run.run().connection().admin()) {
      admin.alterShareGroupOffsets(run.run().topics().workerGroup(), starts).all().get();
    }
  }
}
