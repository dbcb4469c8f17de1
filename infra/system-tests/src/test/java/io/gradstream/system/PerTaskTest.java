package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.benchmarks.InProcessTraining;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Submission;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two tasks with numbers of micro-batches, batch sizes and data of their own, over a real broker.
 */
class PerTaskTest {
  private static final Path SPEC = Path.of("..", "runs", "two-digits-onnx.yaml");
  private static final String NAME = "per-task";
  private static final int ROUNDS = 12;
  private static final int FORKED = 7;

  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static String alone;
  private static String disturbed;

  private static CheckedSpec spec(String name) {
    final RunSpec spec =
        RunSpec.read(
            SPEC,
            List.of(
                "run=" + name,
                "rounds=" + ROUNDS,
                "accumulation.mode=stochastic",
                "tasks.0.micro-batches=2",
                "tasks.0.batch-size=8",
                "tasks.1.micro-batches=5",
                "tasks.1.batch-size=32",
                "tasks.1.data={type: overlay, directory: 'shipped:digits', held-out: 1500, partners: 1}",
                "schedule.warmup-rounds=2",
                "evaluation={every: 6, samples: 100}",
                "transport.commit-interval-ms=200"));
    return CheckedSpec.of(spec, ModelCommand.NONE, ModelFile.beside(SPEC, spec));
  }

  private static LiveRun submit(CheckedSpec checked) {
    final Run run = Submission.submit(checked, Connection.to(kafka.bootstrapServers())).run();
    return new LiveRun(run, checked, directory.resolve(run.spec().run()));
  }

  @BeforeAll
  static void train() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
    alone = submit(spec("alone")).trainUndisturbed(1);
    final LiveRun run = submit(spec(NAME));
    StreamsService server = run.startServer("one");
    StreamsService arbitrator = run.startArbitrator("one");
    WorkerFleet workers = run.startWorkers(3);
    try {
      run.awaitVersion(3);
      arbitrator.close();
      workers.close();
      arbitrator = run.startArbitrator("one");
      workers = run.startWorkers(3);
      run.awaitVersion(7);
      server.close();
      server = run.startServer("one");
      disturbed = run.digest();
    } finally {
      workers.close();
      server.close();
      arbitrator.close();
    }
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @Test
  void oneWorkerAndThreeThatRestartLeaveTheDigestOfALoopWithoutAStream() {
    assertThat(disturbed).isEqualTo(alone);
    assertThat(disturbed).isEqualTo(InProcessTraining.sha256(spec("loop")));
  }

  @Test
  void theAuditFindsEachGradientComputedOnItsOwnBatch() {
    final CommandLineRun audit = command("audit", "--recompute", "1");

    assertThat(audit.exitCode()).as(audit.out() + audit.err()).isZero();
    assertThat(audit.out()).contains("to the bit, largest relative error 0");
  }

  @Test
  void explainAndLineageCountTheSlotsThatEachTaskHas() {
    final String explained = command("explain", "--round", "4").out();
    final String lineage = command("lineage", "--version", "" + ROUNDS).out();

    assertThat(explained).contains("left 1 (", "right 4 (").doesNotContain("left 2 (");
    assertThat(lineage)
        .containsPattern("\\d+ slots of right by")
        .containsPattern("right slot 4: micro-batch 83 of 32, SHA-256 [0-9a-f]{16}");
  }

  @Test
  void statusCountsTheGradientsOfAllTasks() {
    final CommandLineRun status = command("status");

    assertThat(status.out()).contains("%d evaluated".formatted(7 * ROUNDS));
  }

  @Test
  void aForkGoesOnToTheSameWeights() {
    final CommandLineRun forked = command("fork", "--version", "" + FORKED, "--as", "fork");
    assertThat(forked.exitCode()).as(forked.err()).isZero();
    final Run run = Run.read(Connection.to(kafka.bootstrapServers()), "fork");
    final var fork = new LiveRun(run, spec("fork"), directory.resolve("fork"));

    assertThat(fork.trainUndisturbed(2)).isEqualTo(disturbed);

    final CommandLineRun other =
        command("fork", "--version", "" + FORKED, "--as", "x", "--set", "tasks.0.micro-batches=3");
    assertThat(other.exitCode()).isEqualTo(2);
    assertThat(other.err()).contains("tasks.0.micro-batches").hasLineCount(1);
  }

  @Test
  void replayDecidesOnTheSameSums() {
    final CommandLineRun same = command("replay", "--resolver", "gcond");
    final CommandLineRun other =
        command("replay", "--resolver", "gcond", "--set", "tasks.1.batch-size=16");

    assertThat(same.out()).contains("in %d of %d rounds".formatted(ROUNDS, ROUNDS));
    assertThat(other.exitCode()).isEqualTo(2);
    assertThat(other.err()).contains("tasks.1.batch-size was part of how the gradients came about");
  }

  private static CommandLineRun command(String command, String... options) {
    return CommandLineRun.of(
        Stream.concat(
                Stream.of(command, "--run", NAME, "--bootstrap", kafka.bootstrapServers()),
                Stream.of(options))
            .toArray(String[]::new));
  }
}
