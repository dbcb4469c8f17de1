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
 * @param evalGradients whether gradients are taken in evaluation mode
 */
record OnnxDescription(
    int format,
    List<String> tasks,
    List<String> metrics,
    List<Parameter> parameters,
    List<Buffer> buffers,
    boolean evalGradients) {
  /** The key of the metadata entry. */
  static final String KEY = "gradstream";

  /** The newest revision that is known here. */
  static final int FORMAT = 2;

  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * A buffer.
   *
   * @param tasks the losses whose batches it learns from
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Buffer(String name, long[] shape, List<String> tasks) {
    long size() {
      return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }
  }

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
      final JsonNode task = parameter.path("task");
      parameters.add(
          new Parameter(
              parameter.path("name").asText(),
              shape(parameter),
              task.isTextual() ? task.asText() : null));
    }
    final List<Buffer> buffers = new ArrayList<>();
    for (final JsonNode buffer : root.path("buffers")) {
      buffers.add(
          new Buffer(buffer.path("name").asText(), shape(buffer), texts(buffer.path("tasks"))));
    }
    return new OnnxDescription(
        root.path("format").asInt(),
        texts(root.path("tasks")),
        texts(root.path("metrics")),
        List.copyOf(parameters),
        List.copyOf(buffers),
        root.path("eval_gradients").asBoolean());
  }

  private static long[] shape(JsonNode tensor) {
    final long[] shape =
        StreamSupport.stream(tensor.path("shape").spliterator(), false)
            .mapToLong(JsonNode::asLong)
            .toArray();
    if (Arrays.stream(shape).anyMatch(length -> length < 1)) {
      throw new IllegalArgumentException(
          "parameter " + tensor.path("name").asText() + " has no shape");
    }
    return shape;
  }

  private static List<String> texts(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }
}
