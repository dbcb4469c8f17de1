package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.chaos.HostileRecords;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.evaluator.Evaluator;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.producer.worker.WorkerIdentity;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.server.topology.ParameterServer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the log says of a run, by the commands that read it. */
class EvidenceTest {
  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static LiveRun run;
  private static String digest;

  @BeforeAll
  static void train() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
    run = LiveRun.submit(kafka, directory, "plain", "rounds=6");
    digest = run.trainUndisturbed(2);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  private static CommandLineRun command(String name, String runName, String... options) {
    final var all =
        new ArrayList<>(List.of(name, "--run", runName, "--bootstrap", kafka.bootstrapServers()));
    all.addAll(List.of(options));
    return CommandLineRun.of(all.toArray(String[]::new));
  }

  @Test
  void anAuditIsCleanAndNamesTheWeights() throws IOException {
    final CommandLineRun text = command("audit", "plain");
    assertThat(text.exitCode()).isZero();
    assertThat(text.out())
        .contains("run plain: clean, to the bit", "0 to 5 of 6", "version 6, sha256 " + digest);

    final JsonNode json =
        new ObjectMapper().readTree(command("audit", "plain", "--json", "--recompute", "1").out());
    assertThat(json.get("clean").asBoolean()).isTrue();
    assertThat(json.get("weights_sha256").asText()).isEqualTo(digest);
    final JsonNode recomputed = json.get("recomputed");
    int slots = 0;
    for (final JsonNode worker : recomputed) {
      assertThat(worker.get("same_bits")).isEqualTo(worker.get("slots"));
      slots += worker.get("slots").asInt();
    }
    assertThat(slots).isEqualTo(6 * 2 * 3);
  }

  @Test
  void someRoundsCanBeAudited() {
    assertThat(command("audit", "plain", "--rounds", "2..3").out())
        .contains("clean", "2 to 3 of 6", "version 4");
    assertThat(command("audit", "plain", "--rounds", "3..2").exitCode()).isEqualTo(2);
    assertThat(command("audit", "plain", "--rounds", "three").err())
        .contains("--rounds: \"three\" is no range of rounds; such as 0..99");
    assertThat(command("audit", "nobody").exitCode()).isEqualTo(2);
  }

  @Test
  void aRoundIsExplained() {
    final CommandLineRun text = command("explain", "plain", "--round", "4");

    assertThat(text.exitCode()).isZero();
    assertThat(text.out())
        .contains(
            "run plain, round 4 of 6: from weights version 4 to 5",
            "gcond weighed them",
            "cosine",
            "first",
            "second",
            "optimizer: adamw",
            "changed most");
    assertThat(command("explain", "plain", "--round", "6").err())
        .contains("run plain has no round 6; rounds are counted from 0 to 5");
  }

  @Test
  void aVersionIsTracedToItsGradients() {
    final CommandLineRun text = command("lineage", "plain", "--version", "5");

    assertThat(text.exitCode()).isZero();
    assertThat(text.out())
        .contains(
            "weights version 5 of run plain",
            "plain.weights-0 at offset",
            "made of weights version 4 by the update of round 4",
            "decided by",
            "first slot 0 by ",
            "plain.gradients.first-0 at offset",
            "all 5 rounds up to here were made of",
            "every record named here has the digest that the next one names");

    final String tensor = run.run().manifest().tensors().getFirst().name();
    assertThat(command("lineage", "plain", "--version", "5", "--tensor", tensor).outLines())
        .hasSizeLessThan(text.outLines().size());
    assertThat(command("lineage", "plain", "--version", "5", "--tensor", "x").err())
        .contains("--tensor: run plain has no tensor x");
    assertThat(command("lineage", "plain", "--version", "0").out()).contains("seed 7");
  }

  @Test
  void aWorkerThatScalesItsGradientsIsNamed() {
    final LiveRun scaled = LiveRun.submit(kafka, directory, "scaled", "rounds=4");
    try (var server = scaled.startServer("one");
        var arbitrator = scaled.startArbitrator("one");
        var honest = fleet(scaled, "honest", "first", scaled.checked().models());
        var other = fleet(scaled, "scaling", "second", () -> new Scaled(scaled))) {
      scaled.digest();
      assertThat(honest.failure()).isEmpty();
      assertThat(other.failure()).isEmpty();
    }

    assertThat(command("audit", "scaled").exitCode()).isZero();
    final CommandLineRun spotChecks = command("audit", "scaled", "--recompute", "0.5");
    assertThat(spotChecks.exitCode()).isEqualTo(1);
    assertThat(spotChecks.out())
        .contains("worker scaling/0", "cosine 1.000000, relative error 0.5", "SUSPICIOUS")
        .doesNotContain("worker honest/0, slot");
  }

  @Test
  void whereWorkersSignOnlySignedGradientsCount() {
    final Path key = directory.resolve("alice.key");
    final String line =
        CommandLineRun.of("keys", "--worker", "alice", "--out", key.toString())
            .outLines()
            .getLast();
    final LiveRun signed =
        LiveRun.submit(
            kafka,
            directory,
            "signed",
            "rounds=6",
            "keys=[%s]".formatted(line.substring(line.indexOf('{'))));
    final Signer signer = Signer.read(key, signed.run().spec(), Role.WORKER);
    try (var server = signed.startServer("one");
        var arbitrator = signed.startArbitrator("one");
        var impostor = fleet(signed, "alice", "first", signed.checked().models())) {
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(
              () ->
                  assertThat(command("dead-letters", "signed").out())
                      .contains("not signed by worker alice/0"));
      impostor.close();
      try (var alice =
          WorkerFleet.start(
              signed.run(),
              1,
              Set.copyOf(signed.run().manifest().tasks()),
              signed.checked().models(),
              WorkerIdentity.of(signer))) {
        assertThat(signed.digest()).isEqualTo(digest);
        assertThat(alice.failure()).isEmpty();
      }
    }
    assertThat(command("audit", "signed").exitCode()).isZero();
    assertThat(command("worker", "signed").err())
        .contains("run signed takes signed gradients only; give the worker's --key FILE");
  }

  /** Whatever somebody appends, services and commands take what is valid and skip the rest. */
  @Test
  void hostileRecordsOnEveryTopicChangeNothingAndStopNobody() {
    final Path key = directory.resolve("server.key");
    final LiveRun hostile =
        LiveRun.submit(kafka, directory, "hostile", "rounds=6", "evaluation.every=2", keys(key));
    final Signer signer = Signer.read(key, hostile.run().spec(), Role.SERVER);
    // All services meet them at their first start, when they come back, and after the end.
    HostileRecords.send(hostile.run(), 0);
    trainBeside(hostile, signer, 2);
    HostileRecords.send(hostile.run(), hostile.version());
    trainBeside(hostile, signer, 6);
    assertThat(hostile.digest()).isEqualTo(digest);
    HostileRecords.send(hostile.run(), 6);

    final String file = directory.resolve("hostile.safetensors").toString();
    final String archive = directory.resolve("hostile.archive").toString();
    final var softly = new SoftAssertions();
    for (final CommandLineRun each :
        List.of(
            command("status", "hostile"),
            command("export", "hostile", "--out", file),
            command("restore", "hostile", "--version", "2", "--out", file),
            command("replay", "hostile", "--resolver", "sum"),
            command("fork", "hostile", "--version", "2", "--as", "branch"),
            command("dead-letters", "hostile"),
            command("archive", "hostile", "--out", archive),
            command("archive", "hostile", "--out", archive, "--verify"))) {
      softly.assertThat(each.err()).isEmpty();
      softly.assertThat(each.exitCode()).as(each.out()).isZero();
      softly.assertThat(each.out()).doesNotContain("\u001b", "NaN");
    }
    // What somebody made up is named, and told from what counts.
    final CommandLineRun audit = command("audit", "hostile", "--complete");
    softly.assertThat(audit.err()).doesNotContain("failed:", "Exception");
    softly.assertThat(audit.exitCode()).isEqualTo(1);
    softly
        .assertThat(audit.out())
        .contains("0 to 5 of 6", "version 6, sha256 " + digest)
        .doesNotContain("\u001b");
    // These tell of what counts, and name what they pass over.
    for (final CommandLineRun each :
        List.of(
            command("explain", "hostile", "--round", "1"),
            command("lineage", "hostile", "--version", "2"))) {
      softly.assertThat(each.err()).isEmpty();
      softly.assertThat(each.exitCode()).as(each.out() + each.err()).isZero();
      softly
          .assertThat(each.out())
          .contains("passed over", "names another verdict than the log's, so nobody took it");
    }
    softly.assertAll();
  }

  /** A role's key pair is made; what a run that lists it is submitted with. */
  private static String keys(Path key) {
    final String line =
        CommandLineRun.of("keys", "--server", "one", "--out", key.toString()).outLines().getLast();
    return "keys=[%s]".formatted(line.substring(line.indexOf('{')));
  }

  private static void trainBeside(LiveRun run, Signer signer, long version) {
    try (var server =
            ParameterServer.start(run.run(), "one", run.directory().resolve("server"), signer);
        var arbitrator = run.startArbitrator("one");
        var evaluator = Evaluator.start(run.run(), run.checked().models());
        var fleet = run.startWorkers(2)) {
      run.awaitVersion(version);
      if (version == run.run().spec().rounds()) {
        await().atMost(Duration.ofSeconds(60)).until(evaluator::finished);
      }
      assertThat(server.failure()).isEmpty();
      assertThat(arbitrator.failure()).isEmpty();
      assertThat(evaluator.failure()).isEmpty();
      assertThat(fleet.failure()).isEmpty();
    }
  }

  private static WorkerFleet fleet(
      LiveRun of, String name, String task, Supplier<TaskModel> models) {
    return WorkerFleet.start(of.run(), 1, Set.of(task), models, new WorkerIdentity(name, null));
  }

  /** A worker's model that makes its gradients larger than they are. */
  private static final class Scaled extends DelegatingModel {
    Scaled(LiveRun of) {
      super(of.checked().models().get());
    }

    @Override
    public double gradient(int task, long microBatch) {
      final double loss = super.gradient(task, microBatch);
      final MemorySegment values = gradient();
      for (long at = 0; at < values.byteSize(); at += Float.BYTES) {
        values.set(
            ValueLayout.JAVA_FLOAT_UNALIGNED,
            at,
            1.5f * values.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at));
      }
      return loss;
    }
  }
}
