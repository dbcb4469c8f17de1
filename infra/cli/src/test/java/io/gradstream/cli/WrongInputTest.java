package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A mistake of the user gives one line that says what to do, and exit code 2. */
class WrongInputTest {
  private static final String SPEC =
      """
      run: wrong
      rounds: 10
      tasks:
        - {name: first, loss: landscape}
        - {name: second, loss: landscape}
      accumulation: {mode: sequential, micro-batches: 2, batch-size: 1}
      model: {type: toy, start: [-8.5, 7.5]}
      resolver: {method: gcond, thresholds: [-0.8, -0.5, 0.0]}
      optimizer: {type: adamw, learning-rate: 0.05}
      """;

  @TempDir Path directory;

  static Stream<Arguments> wrongSpecs() {
    return Stream.of(
        arguments("rounds:", "round:", "spec.yaml:2: round: unknown key; did you mean \"rounds\"?"),
        arguments("rounds: 10", "rounds: many", "spec.yaml:2: rounds: "),
        arguments("rounds: 10", "rounds: 0", "spec.yaml:2: rounds: "),
        arguments("name: second", "name: first", "spec.yaml:5: tasks.1.name: "),
        arguments("loss: landscape", "loss: landscap", "spec.yaml:4: tasks.0.loss"),
        arguments("[-0.8, -0.5, 0.0]", "[-0.5, -0.8, 0.0]", "spec.yaml:8: resolver.thresholds: "),
        arguments("[-0.8, -0.5, 0.0]", "[-0.5, -0.5, 0.0]", "spec.yaml:8: resolver.thresholds: "),
        arguments(
            "learning-rate: 0.05",
            "learning-rate: 1e40",
            "spec.yaml:9: optimizer.learning-rate: 1e40"),
        arguments("learning-rate: 0.05", "learning-rate: 1e-50", "optimizer.learning-rate: 1e-50"),
        arguments("resolver:", "clip-norm: 0,05\nresolver:", "did you mean 0.05?"),
        arguments(
            "loss: landscape}",
            "loss: landscape, weight: 1e300}",
            "spec.yaml:4: tasks.0.weight: 1e300 is out of range"),
        arguments(
            "resolver:",
            "schedule: {warmup-rounds: 11}\nresolver:",
            "spec.yaml:8: schedule.warmup-rounds: 11 are more than the run's 10 rounds"),
        arguments(
            "resolver:",
            "compute: {device: cuda}\nresolver:",
            "spec.yaml:8: compute.device: \"cuda\" is not allowed; must be cpu, or gpu:0, gpu:1, ...; did you mean gpu:0?"),
        arguments("method: gcond, thresholds", "method: gcond, metod", "did you mean \"method\"?"),
        arguments(
            "mode: sequential", "mode: " + "[".repeat(50_000), "nested deeper than 50 levels"),
        arguments("method: gcond", "method: gcnd", "did you mean \"gcond\"?"),
        arguments(
            "{method: gcond, thresholds: [-0.8, -0.5, 0.0]}",
            "\n  method: upgrad\n  preference: [1, 2, 3]",
            "spec.yaml:10: resolver.preference: has 3 numbers for 2 tasks"),
        arguments(
            "optimizer:",
            "selection: {method: smo, min-losses: [0]}\noptimizer:",
            "spec.yaml:9: selection.min-losses: has 1 numbers for 2 tasks"),
        arguments("type: adamw", "type: adam", "spec.yaml:9: optimizer.type: "),
        arguments(
            "mode: sequential, micro-batches: 2",
            "mode: stochastic, micro-batches: 3",
            "spec.yaml:6: accumulation.micro-batches: 3 cannot be divided among 2 tasks"),
        arguments(
            "model: {type: toy, start: [-8.5, 7.5]}",
            "model: {type: mae}\ndata: {type: idx, directory: /nowhere/digits}",
            "/nowhere/digits"));
  }

  @ParameterizedTest
  @MethodSource("wrongSpecs")
  void aWrongSpecIsRefusedBeforeAnythingIsStarted(String right, String wrong, String expected)
      throws IOException {
    String text = SPEC.replace(right, wrong);
    if (wrong.contains("type: mae")) {
      text = text.replace("loss: landscape", "loss: masked-l1");
    }
    final Path file = Files.writeString(directory.resolve("spec.yaml"), text);
    final Path data = directory.resolve("data");

    refuses(expected, "train", file.toString(), "--data-dir", data.toString());

    assertThat(data).doesNotExist();
  }

  @Test
  void aSpecThatIsNotThereIsNamed() {
    refuses("nowhere.yaml: no such file", "train", "nowhere.yaml");
  }

  @Test
  void aFileThatIsNoSpecIsRefusedInWords() throws IOException {
    final Path large = directory.resolve("large.yaml");
    try (var file = new RandomAccessFile(large.toFile(), "rw")) {
      file.setLength(1L << 40);
    }

    refuses("large.yaml: larger than 1 MiB", "train", large.toString());
    refuses(directory + ": is a directory", "train", directory.toString());
    refuses(": file name too long; a run spec", "train", "x".repeat(300));
  }

  @Test
  void aNameThatLeadsElsewhereIsRefused() {
    refuses("--run: \"../../x\" is not allowed", "status", "--run", "../../x");
    refuses("--run: \"\\u001b[2J\" is not allowed", "status", "--run", "\u001b[2J");
  }

  @Test
  void aWorkersNameIsCheckedBeforeItsKeyIsMade() {
    final Path key = directory.resolve("key");

    refuses(
        "--worker: \"a b/c\" is not allowed", "keys", "--worker", "a b/c", "--out", key.toString());

    assertThat(key).doesNotExist();
  }

  @Test
  void aNumberThatIsNoneIsRefusedWithoutJavasWords() {
    refuses("'--rounds': \"abc\" is not a whole number", "train", "x.yaml", "--rounds", "abc");
    refuses("\"abc\" is not a number", "chaos", "x.yaml", "--minutes", "abc");
  }

  @Test
  void deletingAsksOrIsTold() {
    refuses(
        "no run absent in " + directory,
        "delete",
        "--run",
        "absent",
        "--data-dir",
        directory.toString());
  }

  @Test
  void anUnknownOptionIsRefusedWithTheNearestOne() {
    refuses("did you mean --rounds?", "train", "x.yaml", "--round", "3");
  }

  @Test
  void anUnknownCommandIsRefusedWithTheNearestOne() {
    refuses("did you mean train", "trian", "x.yaml");
  }

  @Test
  void anUnknownMethodIsRefusedWithTheNearestOne() {
    refuses("nothing is named \"pcgrd\"; did you mean pcgrad?", "methods", "pcgrd");
    refuses("nothing is named \"xyzzyx\"; list all names", "methods", "xyzzyx");
  }

  @Test
  void anOverrideOfAnUnknownKeyIsRefused() throws IOException {
    final Path file = Files.writeString(directory.resolve("spec.yaml"), SPEC);

    refuses("--set resolver.metod=sum", "train", file.toString(), "--set", "resolver.metod=sum");
  }

  @Test
  void portableArithmeticWithoutTheLauncherIsRefused() {
    refuses("use the launcher, ./gradstream", "train", "x.yaml", "--arithmetic", "portable");
    refuses("x.yaml: no such file", "train", "x.yaml", "--arithmetic", "native");
  }

  @Test
  void noBrokerAtTheAddressIsSaid() throws IOException {
    final Path file = Files.writeString(directory.resolve("spec.yaml"), SPEC);
    final String address = "127.0.0.1:" + closedPort();

    refuses(
        "no Kafka broker answers at " + address, "submit", file.toString(), "--bootstrap", address);
  }

  @Test
  void anAddressThatIsNoneIsRefused() {
    refuses(
        "--bootstrap: nonsense is not usable", "status", "--run", "r", "--bootstrap", "nonsense");
  }

  @Test
  void aRunThatIsNotThereIsNamed() {
    refuses(
        "no run absent in " + directory,
        "export",
        "--run",
        "absent",
        "--data-dir",
        directory.toString(),
        "--out",
        "model.safetensors");
  }

  @Test
  void aPortThatIsNoneIsRefused() {
    refuses("--port: 99999", "broker", "--data-dir", directory.toString(), "--port", "99999");
  }

  @Test
  void aDirectoryOfANewerKafkaIsRefused() throws IOException {
    final Path log = Files.createDirectories(directory.resolve("kafka").resolve("log"));
    Files.writeString(log.resolve("meta.properties"), "version=9\n");

    refuses(
        "kafka was written by a Kafka newer than ",
        "train",
        "../runs/toy.yaml",
        "--data-dir",
        directory.toString());
  }

  private static void refuses(String expected, String... args) {
    final var run = CommandLineRun.of(args);

    assertThat(run.err()).contains(expected);
    assertThat(run.err().lines()).singleElement().asString().startsWith("gradstream: ");
    assertThat(run.exitCode()).isEqualTo(2);
  }

  private static int closedPort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
