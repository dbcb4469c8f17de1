package io.gradstream.producer.model.mae;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.DataSources;
import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.torch.Layout;
import io.gradstream.producer.model.torch.Parameters;
import io.gradstream.producer.model.torch.Recording;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.Section;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/**
 * Weights, images and what the network guesses: a file that Python's {@code gradstream.load} is
 * held against. Here it is held against the network, so that neither changes alone. Where the
 * network is to change, {@code -Dgradstream.golden=write} writes it anew.
 */
class MaeGoldenTest {
  private static final Path GOLDEN = Path.of("../python/tests/mae_golden.json");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int IMAGES = 2;

  @Test
  void theNetworkAnswersAsTheFileSays() throws IOException {
    final ImageData data =
        DataSources.CATALOG.create(Section.of("idx", Map.of("directory", "shipped:digits")));
    final var options = new MaeOptions(4, 0.75, 8, 2, 12, 1, 1, 2, 2);
    final Geometry geometry = Geometry.of(options, data);
    final var layout = new Layout();
    final var network = new MaeNetwork(options, geometry, layout);
    final ObjectNode found = JSON.createObjectNode();
    found.set("model", JSON.valueToTree(geometry.blueprint(options)));
    final float[] guesses;
    try (Arena arena = Arena.ofShared();
        NDManager manager = TorchEngine.open("cpu", 1)) {
      final MemorySegment weights = FlatVector.allocate(arena, layout.tensors());
      final MemorySegment gradient = FlatVector.allocate(arena, layout.tensors());
      fill(weights, layout.tensors(), found.putObject("tensors"));
      final var parameters = Parameters.over(manager, layout.tensors(), weights, gradient);
      final var batch = new MaskedBatch(geometry, IMAGES);
      final ArrayNode images = found.putArray("images");
      final ArrayNode orders = found.putArray("orders");
      for (int image = 0; image < IMAGES; image++) {
        final int[] order = geometry.masks().order(CounterRandom.of(image));
        batch.add(data.training(), image, order);
        orders.add(JSON.valueToTree(order));
        images.add(pixels(data, image));
      }
      parameters.readWeights();
      try (var recording = Recording.off()) {
        guesses = batch.reconstruct(network, parameters, manager).guessed().toFloatArray();
      }
    }
    if ("write".equals(System.getProperty("gradstream.golden"))) {
      found.put("guesses", base64(guesses));
      Files.writeString(GOLDEN, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(found));
    }

    final ObjectNode golden = (ObjectNode) JSON.readTree(Files.readString(GOLDEN));
    final JsonNode expected = golden.remove("guesses");
    found.remove("guesses");
    assertThat(JSON.readTree(found.toString())).isEqualTo(golden);
    assertThat(guesses).containsExactly(floats(expected.asText()), Offset.offset(1e-5f));
  }

  /** Weights that are nowhere 0 or 1, as those of the seed are. */
  private static void fill(MemorySegment weights, List<TensorShape> tensors, ObjectNode entries) {
    final var random = CounterRandom.of(7);
    long offset = 0;
    for (final TensorShape tensor : tensors) {
      final float[] values = new float[(int) tensor.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (0.3 * random.gaussian(offset + i));
        weights.setAtIndex(ValueType.FLOAT, offset + i, values[i]);
      }
      offset += values.length;
      entries
          .putObject(tensor.name())
          .put("values", base64(values))
          .set("shape", JSON.valueToTree(tensor.shape()));
    }
  }

  private static String pixels(ImageData data, int image) {
    final int width = data.training().width();
    final byte[] pixels = new byte[data.training().height() * width];
    for (int p = 0; p < pixels.length; p++) {
      pixels[p] = (byte) data.training().brightness(image, p / width, p % width);
    }
    return Base64.getEncoder().encodeToString(pixels);
  }

  private static String base64(float[] values) {
    final ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
    bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return Base64.getEncoder().encodeToString(bytes.array());
  }

  private static float[] floats(String base64) {
    return MemorySegment.ofArray(Base64.getDecoder().decode(base64))
        .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN));
  }
}
