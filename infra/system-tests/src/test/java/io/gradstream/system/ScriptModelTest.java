package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gradstream.chaos.CommandProcess;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Submission;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs whose gradients a script computes: as the child of Java workers, and as a worker of its own.
 */
class ScriptModelTest {
  private static final String PYTHON = System.getenv().getOrDefault("GRADSTREAM_PYTHON", "python3");
  private static final String SCRIPT =
      Path.of("src/test/resources/scripts/quadratics.py").toAbsolutePath().toString();
  private static final String SPEC =
      """
      run: %s
      seed: 3
      rounds: 30
      tasks: [{name: first, loss: given}, {name: second, loss: given}]
      accumulation: {mode: sequential, micro-batches: 3, batch-size: 4}
      model: {type: process, command: [python3, quadratics.py]}
      resolver: {method: gcond, thresholds: [-0.8, -0.5, 0.0]}
      optimizer: {type: adamw, learning-rate: 0.02, weight-decay: 0.0}
      transport: {partitions: 2, shard-values: 64, commit-interval-ms: 200}
      orders: {timeout-ms: 5000}
      """;

  @TempDir static Path directory;
  private static EmbeddedKafka kafka;

  @BeforeAll
  static void start() {
    requireModules("numpy");
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
  }

  @AfterAll
  static void stop() {
    if (kafka != null) {
      kafka.close();
    }
  }

  /** Skips a test where Python, or a module, is not there. */
  private static void requireModules(String modules) {
    assumeTrue(
        succeeds(PYTHON, "-c", "import " + modules),
        "skipped: %s has no %s; install it, or name another Python in GRADSTREAM_PYTHON"
            .formatted(PYTHON, modules));
  }

  private static boolean succeeds(String... command) {
    try {
      return new ProcessBuilder(command)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static LiveRun submit(String name, String... arguments) {
    return submit(name, SCRIPT, List.of(), arguments);
  }

  private static LiveRun submit(
      String name, String script, List<String> overrides, String... arguments) {
    final var words = new ArrayList<>(List.of(PYTHON, script));
    words.addAll(List.of(arguments));
    final var checked =
        CheckedSpec.of(
            RunSpec.parse(SPEC.formatted(name), "test", overrides),
            new ModelCommand(words, "--command"),
            ModelFile.NONE);
    final var run = Submission.submit(checked, Connection.to(kafka.bootstrapServers())).run();
    return new LiveRun(run, checked, directory.resolve(name));
  }

  @Test
  void digestDependsNeitherOnTheNumberOfWorkersNorOnAScriptThatDies() {
    final String alone = submit("alone").trainUndisturbed(1);
    final Path mark = directory.resolve("died.mark");
    assertThat(submit("three", mark.toString()).trainUndisturbed(3)).isEqualTo(alone);
    assertThat(mark).as("one of the scripts died").exists();
  }

  @Test
  void aWorkerWithoutAJvmGivesTheSameBitsThoughItIsKilled() throws Exception {
    requireModules("numpy, confluent_kafka; confluent_kafka.ShareConsumer");
    final String alone = submit("java").trainUndisturbed(1);
    final LiveRun run = submit("both");
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one");
        var first = WorkerFleet.start(run.run(), 1, Set.of("first"), run.checked().models())) {
      // Nobody else serves the second task.
      Process python = startPython(run);
      try {
        run.awaitVersion(5);
        python.destroyForcibly().waitFor();
        python = startPython(run);
        assertThat(run.digest()).isEqualTo(alone);
        assertThat(python.waitFor()).as("it ends with the run").isZero();
      } finally {
        python.destroyForcibly();
      }
      assertThat(first.failure()).isEmpty();
      assertThat(server.failure()).isEmpty();
      assertThat(arbitrator.failure()).isEmpty();
    }
  }

  /** Each with another script: one that has its own data, and one that trains on the spec's. */
  @ParameterizedTest
  @ValueSource(strings = {"quadratics.py", "pixels.py"})
  void unequalTasksHaveTheSameBitsInJavaAndWithoutAJvm(String name) throws Exception {
    requireModules("numpy, confluent_kafka; confluent_kafka.ShareConsumer");
    final String script = Path.of(SCRIPT).resolveSibling(name).toString();
    final String data =
        "{type: overlay, directory: 'shipped:digits', held-out: %d, shift: 0, partners: 1}";
    final List<String> overrides =
        new ArrayList<>(
            List.of(
                "rounds=8",
                "accumulation.mode=stochastic",
                "tasks.0.micro-batches=2",
                "tasks.1.micro-batches=5",
                "tasks.1.batch-size=7"));
    if (name.equals("pixels.py")) {
      overrides.addAll(
          List.of(
              "data=" + data.formatted(9900),
              "tasks.1.data=" + data.formatted(9800),
              "evaluation={every: 4, samples: 20}"));
    }
    final String run = name.replace(".py", "");
    final String alone = submit(run + "-java", script, overrides).trainUndisturbed(2);
    final LiveRun both = submit(run + "-both", script, overrides);
    try (var server = both.startServer("one");
        var arbitrator = both.startArbitrator("one");
        var first = WorkerFleet.start(both.run(), 1, Set.of("first"), both.checked().models())) {
      final Process python = startPython(both, script);
      try {
        assertThat(both.digest()).isEqualTo(alone);
      } finally {
        python.destroyForcibly();
      }
      assertThat(first.failure()).isEmpty();
      assertThat(server.failure()).isEmpty();
      assertThat(arbitrator.failure()).isEmpty();
    }
  }

  /**
   * A PyTorch module, and each worker a process that is really killed. Run with {@code mvn verify
   * -Pchaos}: every process imports torch, which takes seconds.
   */
  @Test
  @Tag("chaos")
  void twoWorkersOfEachKindOfWhichOneEachIsKilledLeaveTheDigestOfOneAlone() throws Exception {
    requireModules("numpy, torch, confluent_kafka; confluent_kafka.ShareConsumer");
    final ModelCommand digits = digits();
    final String alone = submitDigits("digits-alone", digits).trainUndisturbed(1);
    final LiveRun run = submitDigits("digits", digits);
    final List<CommandProcess> java = new ArrayList<>();
    final List<Process> python = new ArrayList<>();
    try {
      for (final String name : List.of("java-one", "java-two")) {
        final var worker =
            new CommandProcess(
                name,
                "256m",
                directory,
                List.of(
                    "worker",
                    "--run",
                    run.run().spec().run(),
                    "--bootstrap",
                    kafka.bootstrapServers(),
                    "--data-dir",
                    directory.resolve(name).toString(),
                    "--command",
                    digits.line(),
                    "--stay"));
        java.add(worker);
        worker.start();
        python.add(startDigits(run, digits));
      }
      try (var server = run.startServer("one");
          var arbitrator = run.startArbitrator("one")) {
        run.awaitVersion(60);
        python.getFirst().destroyForcibly().waitFor();
        python.add(startDigits(run, digits));
        run.awaitVersion(120);
        java.getFirst().close();
        java.getFirst().start();
        assertThat(run.digest()).isEqualTo(alone);
        assertThat(server.failure()).isEmpty();
        assertThat(arbitrator.failure()).isEmpty();
      }
    } finally {
      python.forEach(Process::destroyForcibly);
      java.forEach(CommandProcess::close);
    }
    final CommandLineRun audit =
        CommandLineRun.of(
            "audit",
            "--run",
            run.run().spec().run(),
            "--bootstrap",
            kafka.bootstrapServers(),
            "--recompute",
            "0.1",
            "--command",
            digits.line());
    assertThat(audit.exitCode()).as(audit.out() + audit.err()).isZero();
    assertThat(audit.out().lines().filter(line -> line.startsWith("recomputed")))
        .as("slots of at least two workers of each kind")
        .hasSizeGreaterThanOrEqualTo(4)
        .allMatch(line -> line.contains("largest relative error 0"));
  }

  /** The example with PyTorch, by the package in this checkout instead of an installed one. */
  private static ModelCommand digits() throws IOException {
    final Path source = Path.of("../../gradient-producers/python/src").toAbsolutePath().normalize();
    final Path script = directory.resolve("two_digits.py");
    Files.writeString(
        script,
        "import sys\nsys.path.insert(0, \"%s\")\n%s"
            .formatted(source, Files.readString(Path.of("../runs/two_digits.py"))));
    return new ModelCommand(List.of(PYTHON, script.toString()), "--command");
  }

  private static LiveRun submitDigits(String name, ModelCommand digits) {
    final Path file = Path.of("../runs/two-digits-python.yaml");
    final RunSpec spec =
        RunSpec.read(
            file,
            List.of(
                "run=" + name,
                "rounds=400",
                "evaluation.every=0",
                "data.partners=1",
                "transport.commit-interval-ms=500"));
    final var checked = CheckedSpec.of(spec, digits, ModelFile.NONE);
    final var run = Submission.submit(checked, Connection.to(kafka.bootstrapServers())).run();
    return new LiveRun(run, checked, directory.resolve(name));
  }

  private static Process startDigits(LiveRun run, ModelCommand digits) throws IOException {
    final var words = new ArrayList<>(digits.words());
    words.addAll(List.of("--run", run.run().spec().run(), "--bootstrap", kafka.bootstrapServers()));
    return started(words);
  }

  private static Process startPython(LiveRun run) throws IOException {
    return startPython(run, SCRIPT);
  }

  private static Process startPython(LiveRun run, String script) throws IOException {
    return started(
        List.of(
            PYTHON,
            script,
            "--run",
            run.run().spec().run(),
            "--bootstrap",
            kafka.bootstrapServers(),
            "--tasks",
            "second"));
  }

  private static Process started(List<String> words) throws IOException {
    final Path log = Files.createTempFile(directory, "python", ".log");
    return new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log.toFile()).start();
  }
}
