package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.chaos.BadRecord;
import io.gradstream.chaos.HostileProducer;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nothing bad gets in: it goes to the dead letters, and the run comes to the same weights. */
class BadRecordsTest {
  private static final List<String> REASONS =
      List.of(
          "not a protobuf message",
          "values announce",
          "manifest",
          "bytes of values",
          "unknown value type",
          "slot 3, the task has 0 to 2",
          "a value that is not finite",
          "which has not begun",
          "the task's running norm is");

  private static final String NORMS = "max-norm-ratio=1000";

  /** Not to be over before all has been sent. */
  private static final String ROUNDS = "rounds=60";

  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static String undisturbed;

  @BeforeAll
  static void trainUndisturbed() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
    undisturbed =
        LiveRun.submit(kafka, directory, "undisturbed", NORMS, ROUNDS).trainUndisturbed(1);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @Test
  void everyKindIsRefusedWithItsReasonAndLeavesNoTrace() {
    final LiveRun run = LiveRun.submit(kafka, directory, "bad", NORMS, ROUNDS);
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one");
        var hostile = new HostileProducer(run.run(), 3)) {
      // Which norms are absurd is known from the first round on.
      for (final BadRecord kind : EnumSet.complementOf(EnumSet.of(BadRecord.ABSURD_NORM))) {
        hostile.send(kind);
      }
      awaitLetters(run, "refused 10 records");
      try (var workers = run.startWorkers(1)) {
        run.awaitVersion(6);
        for (final BadRecord kind : BadRecord.values()) {
          hostile.send(kind);
          hostile.repeat();
        }
        assertThat(workers.failure()).isEmpty();
      }
      // A round that nobody works at is open for long enough to be sure of a slot's turn.
      for (int i = 0; i < 10; i++) {
        hostile.send(BadRecord.ABSURD_NORM);
      }
      awaitLetters(run, "the task's running norm is");
      try (var workers = run.startWorkers(1)) {
        assertThat(run.digest()).isEqualTo(undisturbed);
        assertThat(workers.failure()).isEmpty();
      }
      assertThat(server.failure()).isEmpty();
      assertThat(arbitrator.failure()).isEmpty();
    }
    assertThat(letters(run)).contains(REASONS);
  }

  /**
   * Read again from the beginning, a record for a round to come may belong to a round that has
   * begun, and the slot's own record lies behind it.
   */
  @Test
  void whatWasSentAheadOfItsRoundTakesNobodysPlaceWhenTheLogIsReadAgain() {
    final LiveRun run =
        LiveRun.submit(
            kafka, directory, "ahead", NORMS, ROUNDS, "transport.commit-interval-ms=60000");
    final var clients = new CrashingClients(CrashingClients.Point.WHEN_TOLD);
    try (var server = run.startServer("one");
        var crashing = run.startCrashingArbitrator(clients);
        var hostile = new HostileProducer(run.run(), 3)) {
      for (int i = 0; i < 40; i++) {
        hostile.send(BadRecord.FUTURE_ROUND);
      }
      awaitLetters(run, "refused 40 records");
      try (var workers = run.startWorkers(1)) {
        run.awaitVersion(10);
        clients.die();
        await().atMost(Duration.ofSeconds(60)).until(() -> crashing.state().hasCompletedShutdown());

        try (var arbitrator = run.startArbitrator("one")) {
          assertThat(run.digest()).isEqualTo(undisturbed);
          assertThat(arbitrator.failure()).isEmpty();
        }
        assertThat(workers.failure()).isEmpty();
      }
      assertThat(server.failure()).isEmpty();
    }
    assertThat(letters(run)).contains("no answer to an order of this round");
  }

  private static void awaitLetters(LiveRun run, String text) {
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(letters(run)).contains(text));
  }

  private static String letters(LiveRun run) {
    return CommandLineRun.of(
            "dead-letters",
            "--run",
            run.run().spec().run(),
            "--bootstrap",
            run.run().connection().bootstrap())
        .out();
  }
}
