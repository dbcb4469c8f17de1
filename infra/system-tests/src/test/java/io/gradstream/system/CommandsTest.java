package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run's life by the commands of its roles, and a training that cannot go on. */
class CommandsTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  @TempDir Path directory;

  @Test
  void rolesStartInAnyOrderEndWithTheirRunAndLeaveNothingAfterDelete() throws Exception {
    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
        ExecutorService threads = Executors.newCachedThreadPool()) {
      final String bootstrap = kafka.bootstrapServers();
      final List<Future<CommandLineRun>> roles = new ArrayList<>();
      // Two of each that must not throw each other out; all of them are there before the run is.
      for (final String role : List.of("server", "server", "arbitrator", "arbitrator", "worker")) {
        roles.add(
            threads.submit(
                () ->
                    CommandLineRun.of(
                        role,
                        "--wait",
                        "--run",
                        "life",
                        "--bootstrap",
                        bootstrap,
                        "--data-dir",
                        directory.resolve("life").toString())));
      }

      final LiveRun run = LiveRun.submit(kafka, directory, "life", "rounds=6");
      final var waited = command("wait", bootstrap);

      assertThat(waited.out()).contains("run life is finished after round 6");
      for (final var role : roles) {
        final var ended = role.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        assertThat(ended.err()).isEmpty();
        assertThat(ended.exitCode()).isZero();
      }
      assertThat(run.version()).isEqualTo(6);

      assertThat(command("delete", bootstrap, "--yes").out()).startsWith("deleted run life");

      try (var admin = run.run().connection().admin()) {
        await()
            .atMost(PATIENCE)
            .untilAsserted(
                () ->
                    assertThat(admin.listTopics().names().get())
                        .noneMatch(topic -> topic.startsWith("life.")));
      }
      assertThat(CommandLineRun.of("status", "--run", "life", "--bootstrap", bootstrap).exitCode())
          .isEqualTo(2);
    }
  }

  @Test
  void aTrainingThatDivergesEndsWithTaskReasonRoundAndTheWayOn() {
    final var train =
        CommandLineRun.of(
            "train",
            "../runs/toy.yaml",
            "--rounds",
            "100",
            "--set",
            "optimizer={type: sgd, learning-rate: 100}",
            "--set",
            "schedule={}",
            "--set",
            "clip-norm=null",
            "--data-dir",
            directory.resolve("diverges").toString());

    assertThat(train.exitCode()).isEqualTo(2);
    assertThat(train.err())
        .containsPattern(
            "run toy: round \\d+ cannot end: the gradient of task (red|green|blue), slot")
        .contains("a value that is not finite")
        .contains("with a smaller optimizer.learning-rate");
  }

  private static CommandLineRun command(String name, String bootstrap, String... more) {
    final var arguments = new ArrayList<>(List.of(name, "--run", "life", "--bootstrap", bootstrap));
    arguments.addAll(List.of(more));
    final var run = CommandLineRun.of(arguments.toArray(String[]::new));
    assertThat(run.exitCode()).as(run.err()).isZero();
    return run;
  }
}
