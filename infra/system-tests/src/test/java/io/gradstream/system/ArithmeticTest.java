package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.producer.worker.WorkerIdentity;
import io.gradstream.proto.UserError;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Workers of two kinds: who takes part, and what is said of it. */
class ArithmeticTest {
  private static final long OWN = 0xaaL;
  private static final long FOREIGN = 0xbbL;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

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
  void aRunThatTakesAnyNamesBothWhereverItIsShown() {
    final LiveRun run = LiveRun.submit(kafka, directory, "both", "rounds=4");
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one");
        var first = fleet(run, "one", "first", OWN);
        var second = fleet(run, "two", "second", FOREIGN)) {
      run.awaitVersion(4);
      assertThat(first.failure()).isEmpty();
      assertThat(second.failure()).isEmpty();
    }
    final String both =
        "2 kinds computed: 00000000000000aa on cpu in rounds 0 to 3, 00000000000000bb on cpu in rounds 0 to 3;"
            + " the digest depends on which of them computed what";

    assertThat(command("status", run)).contains(both);
    assertThat(command("audit", run))
        .contains("clean, to the bit")
        .contains("arithmetic  00000000000000aa: 12 slots by one/0")
        .contains("arithmetic  00000000000000bb: 12 slots by two/0")
        .contains("the digest depends on which of them computed what");
    assertThat(command("explain", run, "--round", "1"))
        .contains("computed with arithmetic 00000000000000bb: second 0, second 1, second 2");
  }

  @Test
  void aRunOfOneKindRefusesTheOtherAndIsWhatItWouldBeWithoutIt() {
    final String expected =
        LiveRun.submit(kafka, directory, "alone", "rounds=4").trainUndisturbed(1);
    final LiveRun run =
        LiveRun.submit(kafka, directory, "same", "rounds=4", "compute.arithmetic=same");
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one");
        var foreign = fleet(run, "foreign", "second", FOREIGN);
        var first = fleet(run, "own", "first", OWN)) {
      // It asks for orders as nothing is decided yet, is refused, and sees why at its next order.
      requireTold(foreign);
      try (var second = fleet(run, "own", "second", OWN)) {
        assertThat(run.digest()).isEqualTo(expected);
        assertThat(second.failure()).isEmpty();
      }
      assertThat(first.failure()).isEmpty();
    }
    try (var late = fleet(run, "foreign", "first", FOREIGN)) {
      requireTold(late);
    }
    assertThat(command("status", run))
        .contains("arithmetic  00000000000000aa on cpu" + System.lineSeparator())
        .contains("arithmetic: 00000000000000bb, the run takes 00000000000000aa alone");
    assertThat(command("audit", run)).contains("clean, to the bit").doesNotContain("depends on");
  }

  @Test
  void aRunThatNamesItsArithmeticTellsAWorkerOfAnotherBeforeItsFirstOrder() {
    final LiveRun run =
        LiveRun.submit(kafka, directory, "named", "compute.arithmetic=00000000000000aa");
    try (var foreign = fleet(run, "foreign", "second", FOREIGN)) {
      requireTold(foreign);
    }
  }

  private static void requireTold(WorkerFleet foreign) {
    await().atMost(PATIENCE).until(() -> foreign.failure().isPresent());
    assertThat(foreign.failure().orElseThrow())
        .isInstanceOf(UserError.class)
        .hasMessageContaining("takes gradients of arithmetic 00000000000000aa alone")
        .hasMessageContaining("worker foreign/0 computes with 00000000000000bb")
        .hasMessageContaining("--set compute.arithmetic=any");
  }

  /** A worker that pretends to compute with some arithmetic. */
  private static WorkerFleet fleet(LiveRun run, String name, String task, long fingerprint) {
    return WorkerFleet.start(
        run.run(),
        1,
        Set.of(task),
        () ->
            new DelegatingModel(run.checked().models().get()) {
              @Override
              public long fingerprint() {
                return fingerprint;
              }
            },
        new WorkerIdentity(name, null));
  }

  private static String command(String name, LiveRun run, String... more) {
    final var ran =
        CommandLineRun.of(
            Stream.concat(
                    Stream.of(
                        name,
                        "--run",
                        run.run().spec().run(),
                        "--bootstrap",
                        run.run().connection().bootstrap()),
                    Stream.of(more))
                .toArray(String[]::new));
    assertThat(ran.exitCode()).as(ran.err()).isZero();
    return ran.out();
  }
}
