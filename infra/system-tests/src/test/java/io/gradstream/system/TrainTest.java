package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.submission.weights.Weights;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole of it: broker, services and command line, on the analytic model. */
class TrainTest {
  private static final int ROUNDS = 20;

  @TempDir Path directory;

  @Test
  void trainsARunToItsEndAndAnswersTheSameAgain() throws IOException {
    final JsonNode first = train("first", 1);

    assertThat(first.get("run").asText()).isEqualTo("toy");
    assertThat(first.get("rounds").asInt()).isEqualTo(ROUNDS);
    assertThat(first.get("weights_version").asInt()).isEqualTo(ROUNDS);
    assertThat(first.get("weights_sha256").asText()).matches("[0-9a-f]{64}");
    assertThat(first.at("/losses/red/last").asDouble())
        .isLessThan(first.at("/losses/red/first").asDouble());
    assertThat(first.get("conflict_ratio").asDouble()).isBetween(0.0, 1.0);
    assertThat(first.get("seconds").asDouble()).isPositive();

    final JsonNode again = train("first", 1);
    assertThat(again.get("weights_sha256")).isEqualTo(first.get("weights_sha256"));

    final JsonNode elsewhere = train("second", 3);
    assertThat(elsewhere.get("weights_sha256")).isEqualTo(first.get("weights_sha256"));

    assertThat(exportedSha256("first")).isEqualTo(first.get("weights_sha256").asText());
    assertThat(command("status", "--run", "toy", "--data-dir", data("first")).out())
        .startsWith("run toy: round " + ROUNDS + " of " + ROUNDS);
  }

  private JsonNode train(String data, int workers) throws IOException {
    final var run =
        command(
            "train",
            "../runs/toy.yaml",
            "--rounds",
            Integer.toString(ROUNDS),
            "--workers",
            Integer.toString(workers),
            "--data-dir",
            data(data),
            "--json");
    return new ObjectMapper().readTree(run.outLines().getLast());
  }

  /** Writes the weights as a file and takes the digest of the values in it. */
  private String exportedSha256(String data) throws IOException {
    final Path file = directory.resolve("model.safetensors");
    command("export", "--run", "toy", "--data-dir", data(data), "--out", file.toString());
    final byte[] bytes = Files.readAllBytes(file);
    final int header = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    final JsonNode tensors = new ObjectMapper().readTree(bytes, Long.BYTES, header);
    assertThat(tensors.at("/shared.0/dtype").asText()).isEqualTo("F32");
    final byte[] values = Arrays.copyOfRange(bytes, Long.BYTES + header, bytes.length);
    return new Weights(0, MemorySegment.ofArray(values)).sha256();
  }

  private static CommandLineRun command(String... args) {
    final var run = CommandLineRun.of(args);
    assertThat(run.exitCode()).as(run.err()).isZero();
    return run;
  }

  private String data(String name) {
    return directory.resolve(name).toString();
  }
}
