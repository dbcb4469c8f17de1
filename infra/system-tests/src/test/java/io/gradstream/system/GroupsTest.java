package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.benchmarks.InProcessTraining;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.CheckedSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A run whose micro-batches are summed into groups, through restarts and everything that reads
 * logs.
 */
class GroupsTest {
  private static final Path TOY = Path.of("..", "runs", "toy.yaml");
  private static final String NAME = "grouped";
  private static final int ROUNDS = 14;
  private static final int FORKED = 8;

  @TempDir static Path directory;

  private static EmbeddedKafka kafka;

  /** Trained while its services restart. */
  private static LiveRun run;

  private static String sha256;

  @BeforeAll
  static void train() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
    run =
        LiveRun.submit(
            kafka,
            directory,
            NAME,
            "rounds=" + ROUNDS,
            "accumulation.groups=each",
            "model.noise=3.0",
            "clip-norm=5.0",
            "calibrator={method: vargrad, gamma: 0.5}",
            "selection={method: smo, tau: 1.3, learning-rate: 0.3}");
    StreamsService server = run.startServer("one");
    StreamsService arbitrator = run.startArbitrator("one");
    try (var workers = run.startWorkers(2)) {
      run.awaitVersion(3);
      arbitrator.close();
      arbitrator = run.startArbitrator("one");
      run.awaitVersion(7);
      server.close();
      server = run.startServer("one");
      sha256 = run.digest();
      assertThat(workers.failure()).isEmpty();
    } finally {
      server.close();
      arbitrator.close();
    }
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @Test
  void restartsInMidRunLeaveTheDigestOfAnUndisturbedLoop() {
    assertThat(sha256).isEqualTo(InProcessTraining.sha256(run.checked()));
  }

  @Test
  void theAuditIsClean() {
    final CommandLineRun audit = command("audit");

    assertThat(audit.exitCode()).as(audit.out() + audit.err()).isZero();
  }

  @Test
  void explainTellsWhatTheGroupsWereGivenAndShow() {
    final CommandLineRun explained = command("explain", "--round", "0");

    assertThat(explained.out())
        .contains("summed into 3 groups, of [1, 1, 1]")
        .contains("Var of one", "Var(m)/Var(g)")
        .contains("smallest cosine within a group");
  }

  @Test
  void replayDecidesByTheRecordedGroupsAndByOthers() {
    final CommandLineRun same = command("replay", "--resolver", "gcond");
    final CommandLineRun whole =
        command("replay", "--resolver", "gcond", "--set", "accumulation.groups=1");
    final CommandLineRun sum =
        command("replay", "--resolver", "modo", "--set", "accumulation.groups=3");
    final CommandLineRun none =
        command("replay", "--resolver", "modo", "--set", "accumulation.groups=2");

    assertThat(same.out()).contains("in %d of %d rounds".formatted(ROUNDS, ROUNDS));
    assertThat(whole.exitCode()).as(whole.err()).isZero();
    assertThat(whole.out()).doesNotContain("in %d of %d rounds".formatted(ROUNDS, ROUNDS));
    assertThat(sum.exitCode()).as(sum.err()).isZero();
    assertThat(none.exitCode()).isEqualTo(2);
    assertThat(none.err()).contains("needs 3 independent gradients").hasLineCount(1);
  }

  @Test
  void lineageAndRestoreGiveTheVersionsBack() {
    final CommandLineRun lineage = command("lineage", "--version", "" + ROUNDS);
    final CommandLineRun restored =
        command(
            "restore",
            "--version",
            "" + ROUNDS,
            "--out",
            directory.resolve("model.safetensors").toString());

    assertThat(lineage.exitCode()).as(lineage.err()).isZero();
    assertThat(restored.exitCode()).as(restored.err()).isZero();
    assertThat(restored.out()).contains("same bits", sha256);
  }

  @Test
  void aForkGoesOnWithTheGroupsStateAndEndsWithTheSameWeights() {
    final CommandLineRun forked = command("fork", "--version", "" + FORKED, "--as", "fork");
    assertThat(forked.exitCode()).as(forked.err()).isZero();
    final var description = Run.read(Connection.to(kafka.bootstrapServers()), "fork");
    final var fork =
        new LiveRun(description, CheckedSpec.of(description.spec()), directory.resolve("fork"));

    assertThat(fork.trainUndisturbed(2)).isEqualTo(sha256);

    final CommandLineRun other =
        command(
            "fork", "--version", "" + FORKED, "--as", "other", "--set", "accumulation.groups=1");
    assertThat(other.exitCode()).isEqualTo(2);
    assertThat(other.err()).contains("accumulation.groups: a fork takes over").hasLineCount(1);
    final CommandLineRun replayed =
        CommandLineRun.of(
            "replay",
            "--run",
            "fork",
            "--bootstrap",
            kafka.bootstrapServers(),
            "--resolver",
            "gcond",
            "--set",
            "accumulation.groups=1");
    assertThat(replayed.exitCode()).isEqualTo(2);
    assertThat(replayed.err()).contains("a fork begins with sums of each groups");
  }

  @ParameterizedTest
  @ValueSource(strings = {"2", "3", "each"})
  void theSumIsTheSumWhateverTheGroups(String groups) {
    final List<Float> whole = toy("resolver=sum", "accumulation.groups=1");
    final List<Float> divided = toy("resolver=sum", "accumulation.groups=" + groups);

    double largest = 0;
    double difference = 0;
    for (int i = 0; i < whole.size(); i++) {
      largest = Math.max(largest, Math.abs(whole.get(i)));
      difference = Math.max(difference, Math.abs(whole.get(i) - divided.get(i)));
    }
    assertThat(difference / largest).isLessThan(1e-5);
  }

  @Test
  void withOneMicroBatchGroupsChangeNoBit() {
    final String[] one = {"accumulation.micro-batches=1", "calibrator=vargrad"};

    assertThat(toy(one))
        .isEqualTo(
            toy(
                Stream.concat(Stream.of(one), Stream.of("accumulation.groups=each"))
                    .toArray(String[]::new)));
  }

  /** The weights of toy after a hundred rounds. */
  private static List<Float> toy(String... assignments) {
    final var all = Stream.concat(Stream.of("rounds=100"), Stream.of(assignments)).toList();
    return InProcessTraining.train(CheckedSpec.of(RunSpec.read(TOY, all)), 1).weights();
  }

  private static CommandLineRun command(String command, String... options) {
    return CommandLineRun.of(
        Stream.concat(
                Stream.of(command, "--run", NAME, "--bootstrap", kafka.bootstrapServers()),
                Stream.of(options))
            .toArray(String[]::new));
  }
}
