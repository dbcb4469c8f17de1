package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.cli.CommandLineRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Benchmarks on tiny sizes: that they run and say what they promise, never how fast. */
class BenchTest {
  @Test
  void aRoundIsTheSumOfItsHops() throws IOException {
    final JsonNode json = bench("round", "--rounds", "8", "--warm-up", "2");
    double sum = 0;
    for (final JsonNode hop : json.get("hops_ms")) {
      sum += hop.asDouble();
    }
    assertThat(sum).isCloseTo(json.get("mean_ms").asDouble(), within(0.01));
    assertThat(json.get("p99_ms").asDouble()).isGreaterThanOrEqualTo(json.get("p50_ms").asDouble());
  }

  @Test
  void kernelsAreHeldAgainstMemory() throws IOException {
    final JsonNode json = bench("kernels", "--size", "5000", "--repeat", "1");
    assertThat(json.get("accumulate_ratio").asDouble()).isPositive();
    assertThat(json.get("combine_ratio").asDouble()).isPositive();
    assertThat(json.get("statistics_ratio").asDouble()).isPositive();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 5})
  void vectorsAndInnerProductsComeToTheSameDecisions(int tasks) throws IOException {
    final JsonNode json =
        bench("arbitrate", "--tasks", "" + tasks, "--size", "3000", "--repeat", "1");
    assertThat(json.get("same_decisions").asBoolean()).isTrue();
    assertThat(json.get("iterations").asInt()).isPositive();
    assertThat(json.get("speedup").asDouble()).isPositive();
    assertThat(json.get("gram_ratio").asDouble()).isPositive();
  }

  @Test
  void gradientsAreTakenInByArbitratorAndPlainConsumer() throws IOException {
    final JsonNode json =
        bench(
            "ingest",
            "--megabytes",
            "2",
            "--shard-values",
            "4096",
            "--partitions",
            "2",
            "--turns",
            "1");
    assertThat(json.get("ratio").asDouble()).isPositive();
    assertThat(json.at("/partitions/0/partitions").asInt()).isEqualTo(2);
  }

  @Test
  void streamedRoundsComeToTheWeightsOfALoop() throws IOException {
    final JsonNode json =
        bench("tax", "../runs/toy.yaml", "--rounds", "12", "--warm-up", "2", "--turns", "1");
    assertThat(json.get("same_weights").asBoolean()).isTrue();
    assertThat(json.get("tax_percent").isNumber()).isTrue();
  }

  @Test
  void roundsAreDrawnAndTheirBytesCounted(@TempDir Path directory) throws IOException {
    final Path picture = directory.resolve("scale.svg");
    final JsonNode json =
        bench("scale", "--sizes", "3000", "--tasks", "2", "--rounds", "3", "--out", "" + picture);
    assertThat(json.get("points")).hasSize(1);
    assertThat(json.at("/points/0/wire_bytes").asDouble())
        .isGreaterThan(json.at("/points/0/formula_bytes").asDouble());
    assertThat(picture).content().contains("<svg", "N=2");
  }

  private static JsonNode bench(String... arguments) throws IOException {
    final var words = new ArrayList<>(List.of("bench"));
    words.addAll(List.of(arguments));
    words.add("--json");
    final var run = CommandLineRun.of(words.toArray(String[]::new));
    assertThat(run.exitCode()).as(run.err()).isZero();
    return new ObjectMapper().readTree(run.out());
  }
}
