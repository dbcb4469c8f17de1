package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.embedded.EmbeddedKafka;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a run computes does not depend on how it is run. Every build tries two other ways, one of
 * them with transactions; all that matter are tried with {@code -Pchaos}.
 */
class SameBitsTest {
  private static final String ROUNDS = "rounds=8";

  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static String expected;

  @BeforeAll
  static void train() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
    expected =
        LiveRun.submit(kafka, directory, "expected", ROUNDS, "transport.partitions=1")
            .trainUndisturbed(1);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @ParameterizedTest
  @CsvSource({"3, 2, at-least-once", "2, 3, exactly-once-v2"})
  void otherWorkersPartitionsAndGuaranteesChangeNothing(
      int workers, int partitions, String processing) {
    changeNothing(workers, partitions, processing);
  }

  @ParameterizedTest
  @Tag("chaos")
  @CsvSource({
    "2, 2, at-least-once",
    "5, 7, at-least-once",
    "2, 1, exactly-once-v2",
    "1, 3, exactly-once-v2"
  })
  void allWorkersPartitionsAndGuaranteesChangeNothing(
      int workers, int partitions, String processing) {
    changeNothing(workers, partitions, processing);
  }

  private static void changeNothing(int workers, int partitions, String processing) {
    final LiveRun run =
        LiveRun.submit(
            kafka,
            directory,
            "run-%d-%d-%s".formatted(workers, partitions, processing),
            ROUNDS,
            "transport.partitions=" + partitions,
            "transport.processing=" + processing,
            "transport.commit-interval-ms=100");

    assertThat(run.trainUndisturbed(workers)).isEqualTo(expected);
  }

  /** The kernels are chosen once in a JVM, so each choice gets its own. */
  @ParameterizedTest
  @Tag("chaos")
  @ValueSource(strings = {"scalar", "vector"})
  void kernelsChangeNothing(String kernels) throws IOException, InterruptedException {
    final Path spec = directory.resolve(kernels + ".yaml");
    Files.writeString(spec, LiveRun.spec(kernels, ROUNDS).text());
    final Path out = directory.resolve(kernels + ".out");
    final var command =
        Stream.of(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()),
                List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"),
                List.of("-Xmx512m", "-Dgradstream.kernels=" + kernels),
                List.of("-cp", System.getProperty("java.class.path"), "io.gradstream.cli.Main"),
                List.of("train", spec.toString(), "--json"),
                List.of("--data-dir", directory.resolve(kernels + "-data").toString()))
            .flatMap(List::stream)
            .toList();

    final Process train = new ProcessBuilder(command).redirectOutput(out.toFile()).start();

    assertThat(train.waitFor()).isZero();
    final String last = Files.readAllLines(out).getLast();
    assertThat(new ObjectMapper().readTree(last).get("weights_sha256").asText())
        .isEqualTo(expected);
  }
}
