package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.audit.check.Audit;
import io.gradstream.audit.check.Demands;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.proto.log.KafkaRunLog;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.CheckedSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A fork goes on from a past version with everything that belongs to it, not with weights alone.
 */
@ExtendWith(ArchivedRun.class)
class ForkTest {
  private static final String ORIGIN = ArchivedRun.NAME;
  private static final int VERSION = 9;

  @TempDir static Path directory;

  private static ArchivedRun.Recorded past;

  @BeforeAll
  static void find(ArchivedRun.Recorded recorded) {
    past = recorded;
  }

  @Test
  void withTheSameOptionsItEndsWithTheSameWeightsAndWithOthersElsewhere() {
    final LiveRun fork = fork(ORIGIN, "same", VERSION);

    assertThat(fork.version()).isEqualTo(VERSION);
    assertThat(fork.trainUndisturbed(2)).isEqualTo(past.sha256());
    assertThat(restored("same", VERSION)).isEqualTo(restored(ORIGIN, VERSION));
    assertThat(restored("same", VERSION + 2)).isEqualTo(restored(ORIGIN, VERSION + 2));

    final LiveRun other =
        fork("same", "other", VERSION + 5, "resolver=mgda", "rounds=" + (VERSION + 8));
    assertThat(other.trainUndisturbed(1)).isNotEqualTo(restored(ORIGIN, VERSION + 8));
    assertThat(restored("other", VERSION + 5)).isEqualTo(restored(ORIGIN, VERSION + 5));
    assertThat(findings(fork, log -> {})).isEmpty();
    assertThat(findings(other, log -> {})).isEmpty();
    assertThat(findings(other, log -> change(log, log.run().topics().state())))
        .extracting(Finding::kind)
        .containsExactly(Finding.Kind.STATE);
    assertThat(findings(other, log -> change(log, log.run().topics().verdicts())))
        .extracting(Finding::kind)
        .containsExactly(Finding.Kind.VERDICT);
  }

  @Test
  void theSameForkAgainChangesNothing() {
    fork(ORIGIN, "twice", VERSION);

    assertThat(command(ORIGIN, "twice", VERSION).out()).contains("is there already");
    final CommandLineRun other = command(ORIGIN, "twice", VERSION + 1);
    assertThat(other.exitCode()).isEqualTo(2);
    assertThat(other.err()).contains("began from version 9 of run recorded");
  }

  @ParameterizedTest
  @CsvSource({
    "9, model.dimension=501, other parameters than that of run recorded",
    "9, optimizer.type=sgd, optimizer: a fork takes over",
    "9, accumulation.micro-batches=6, accumulation.micro-batches: a fork takes over",
    "9, calibrator=none, calibrator: a fork takes over",
    "9, rounds=9, rounds: 9",
    "0, seed=7, --version: must be 1 to 18",
    "19, rounds=30, --version: must be 1 to 18"
  })
  void whatCannotGoOnIsRefusedInOneLine(int version, String assignment, String reason) {
    final CommandLineRun refused = command(ORIGIN, "refused", version, assignment);

    assertThat(refused.exitCode()).isEqualTo(2);
    assertThat(refused.err()).contains(reason).hasLineCount(1);
  }

  private static LiveRun fork(String from, String name, int version, String... assignments) {
    final CommandLineRun forked = command(from, name, version, assignments);
    assertThat(forked.exitCode()).as(forked.err()).isZero();
    final Run run = Run.read(Connection.to(past.kafka().bootstrapServers()), name);
    return new LiveRun(run, CheckedSpec.of(run.spec()), directory.resolve(name));
  }

  private static CommandLineRun command(
      String from, String name, int version, String... assignments) {
    final var arguments =
        new ArrayList<>(
            List.of("fork", "--run", from, "--bootstrap", past.kafka().bootstrapServers()));
    arguments.addAll(List.of("--version", "" + version, "--as", name));
    for (final String assignment : assignments) {
      arguments.addAll(List.of("--set", assignment));
    }
    return CommandLineRun.of(arguments.toArray(String[]::new));
  }

  /** The digest that restore prints. */
  private static String restored(String run, int version) {
    final String file = directory.resolve(run + version).toString();
    final CommandLineRun restored =
        CommandLineRun.of(
            "restore",
            "--run",
            run,
            "--bootstrap",
            past.kafka().bootstrapServers(),
            "--version",
            "" + version,
            "--out",
            file);
    assertThat(restored.exitCode()).as(restored.err()).isZero();
    assertThat(restored.out()).contains("same bits");
    return restored.outLines().getFirst().replaceAll(".*sha256 ", "");
  }

  private static List<Finding> findings(LiveRun run, Consumer<CopiedLog> tampering) {
    try (var log = new KafkaRunLog(run.run())) {
      final CopiedLog copy = CopiedLog.of(log);
      tampering.accept(copy);
      try (var audit = new Audit(copy, Demands.all(), null)) {
        return audit.run(round -> {}).findings();
      }
    }
  }

  /** Flips the last bit of a topic's first record: a verdict's, or a sum's. */
  private static void change(CopiedLog log, String topic) {
    log.replace(
        log.find(topic, record -> true),
        value -> {
          value[value.length - 1] ^= 1;
          return value;
        });
  }
}
