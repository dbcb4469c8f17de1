package io.gradstream.producer.data;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.proto.spec.Section;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** The protocol's vectors of what a slot's data are, which other implementations use as well. */
class DataVectorsTest {
  private static final Path VECTORS = Path.of("../../proto/protocol/src/test/resources/vectors");

  private static JsonNode read(String name) throws IOException {
    return new ObjectMapper().readTree(Files.readString(VECTORS.resolve(name)));
  }

  @Test
  void randomNumbersAreTheSame() throws IOException {
    for (final JsonNode vector : read("random.json")) {
      final long[] path =
          StreamSupport.stream(vector.get("path").spliterator(), false)
              .mapToLong(JsonNode::asLong)
              .toArray();
      final var stream = CounterRandom.of(vector.get("seed").asLong(), path);
      for (int i = 0; i < vector.get("bits").size(); i++) {
        assertThat(HexFormat.of().toHexDigits(stream.bits(i)))
            .isEqualTo(vector.get("bits").get(i).asText());
        assertThat(HexFormat.of().toHexDigits(Double.doubleToRawLongBits(stream.uniform(i))))
            .isEqualTo(vector.get("uniform").get(i).asText());
      }
    }
  }

  @Test
  void overlaidDigitsHaveTheSameBytes() throws IOException {
    for (final JsonNode vector : read("data.json")) {
      final Map<String, Object> options = new HashMap<>();
      options.put("directory", vector.get("directory").asText());
      for (final String option : List.of("held-out", "shift", "partners")) {
        options.put(option, vector.get(option).asInt());
      }
      final ImageData data =
          DataSources.CATALOG.create(Section.of(vector.get("type").asText(), options));
      assertThat(HexFormat.of().formatHex(data.digest())).isEqualTo(vector.get("sha256").asText());
      for (final JsonNode batch : vector.get("batches")) {
        final int[] samples =
            StreamSupport.stream(batch.get("indices").spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
        assertThat(HexFormat.of().formatHex(data.training().digestOf(samples)))
            .isEqualTo(batch.get("sha256").asText());
      }
    }
  }

  @Test
  void microBatchesHoldTheSameSamples() throws IOException {
    for (final JsonNode vector : read("batches.json")) {
      final var batches =
          new MicroBatches(
              vector.get("seed").asLong(),
              vector.get("samples").asInt(),
              vector.get("size").asInt());
      final int[] expected =
          StreamSupport.stream(vector.get("indices").spliterator(), false)
              .mapToInt(JsonNode::asInt)
              .toArray();
      assertThat(batches.samples(vector.get("micro_batch").asLong())).isEqualTo(expected);
    }
  }
}
