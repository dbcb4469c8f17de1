package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Benchmarks on tiny sizes: that they run and say what they promise, never how fast. */
class BenchTest {
  @Test
  void aRoundIsTheSumOfItsHops() throws IOException {
    final JsonNode json = bench("round", "--rounds", "20", "--warm-up", "5");
    double sum = 0;
    for (final JsonNode hop : json.get("hops_ms")) {
      sum += hop.asDouble();
    }
    assertThat(sum).isCloseTo(json.get("mean_ms").asDouble(), within(0.01));
    assertThat(json.get("p99_ms").asDouble()).isGreaterThanOrEqualTo(json.get("p50_ms").asDouble());
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
