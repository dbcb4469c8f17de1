package io.gradstream.producer.model.onnx;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * What the exporter says of a file, in its metadata.
 *
 * @param format the revision of how programs and names lie in the file
 * @param tasks names of the losses, in the order of {@code weights} and {@code losses}
 * @param metrics names of what validation gives beside the losses
 * @param parameters in the module's order
 * @param buffers that learn from batches
 */
record OnnxDescription(
    int format,
    List<String> tasks,
    List<String> metrics,
    List<Parameter> parameters,
    List<String> buffers) {
  /** The key of the metadata entry. */
  static final String KEY = "gradstream";

  /** The newest revision that is known here. */
  static final int FORMAT = 1;

  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * A parameter.
   *
   * @param task the loss that alone reaches it; null where several do, or none
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Parameter(String name, long[] shape, @Nullable String task) {
    long size() {
      return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }
  }

  /**
   * Reads it.
   *
   * @throws IllegalArgumentException if it is none; the message says why
   */
  static OnnxDescription read(String json) {
    final JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("its description is no JSON", e);
    }
    final List<Parameter> parameters = new ArrayList<>();
    for (final JsonNode parameter : root.path("parameters")) {
      final long[] shape =
          StreamSupport.stream(parameter.path("shape").spliterator(), false)
              .mapToLong(JsonNode::asLong)
              .toArray();
      if (Arrays.stream(shape).anyMatch(length -> length < 1)) {
        throw new IllegalArgumentException(
            "parameter " + parameter.path("name").asText() + " has no shape");
      }
      final JsonNode task = parameter.path("task");
      parameters.add(
          new Parameter(
              parameter.path("name").asText(), shape, task.isTextual() ? task.asText() : null));
    }
    return new OnnxDescription(
        root.path("format").asInt(),
        texts(root.path("tasks")),
        texts(root.path("metrics")),
        List.copyOf(parameters),
        StreamSupport.stream(root.path("buffers").spliterator(), false)
            .map(buffer -> buffer.path("name").asText())
            .toList());
  }

  private static List<String> texts(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }
}
