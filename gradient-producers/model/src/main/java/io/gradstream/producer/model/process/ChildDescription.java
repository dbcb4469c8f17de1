package io.gradstream.producer.model.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.ByteString;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.StreamSupport;

/**
 * What a child says of its script.
 *
 * @param tensors in flat order: shared ones, then each task's own, then buffers
 * @param unreached parameters that no loss depends on
 * @param files the script and what it imports from its folder
 * @param heldOut samples that the script holds out itself
 */
record ChildDescription(
    List<TensorShape> tensors,
    List<String> unreached,
    List<RunRecord.File> files,
    RunRecord.Framework framework,
    boolean bringsData,
    int heldOut) {
  /**
   * Reads it.
   *
   * @param hello what the child said at its start
   * @param described its answer to the question what the model is
   * @throws ChildFailure if something is missing or of the wrong kind
   */
  static ChildDescription read(JsonNode hello, JsonNode described) throws ChildFailure {
    try {
      final String[] framework = hello.path("framework").asText("").split(" ", 2);
      return new ChildDescription(
          tensors(described.path("tensors")),
          elements(described.path("unreached")).stream().map(JsonNode::asText).toList(),
          elements(hello.path("files")).stream().map(ChildDescription::file).toList(),
          RunRecord.Framework.newBuilder()
              .setName(framework[0])
              .setVersion(framework.length > 1 ? framework[1] : "")
              .setDevice(hello.path("device").asText("cpu"))
              .build(),
          hello.path("brings_data").asBoolean(),
          hello.path("held_out").asInt());
    } catch (IllegalArgumentException e) {
      throw new ChildFailure("described a model that is none: " + e.getMessage());
    }
  }

  private static List<TensorShape> tensors(JsonNode described) {
    final List<TensorShape> tensors = new ArrayList<>();
    final var names = new HashSet<String>();
    int owner = TensorShape.SHARED;
    boolean buffers = false;
    for (final JsonNode tensor : described) {
      final long[] shape =
          elements(tensor.path("shape")).stream().mapToLong(JsonNode::asLong).toArray();
      final var next =
          new TensorShape(
              tensor.path("name").asText(""),
              shape,
              tensor.path("owner").asInt(-1),
              elements(tensor.path("learns_from")).stream().map(JsonNode::asInt).toList());
      buffers |= next.buffer();
      if (!names.add(next.name()) || (buffers ? !next.buffer() : next.owner() < owner)) {
        throw new IllegalArgumentException(next + " is there twice or out of order");
      }
      owner = next.owner();
      tensors.add(next);
    }
    if (tensors.isEmpty()) {
      throw new IllegalArgumentException("no tensors");
    }
    return List.copyOf(tensors);
  }

  private static RunRecord.File file(JsonNode file) {
    return RunRecord.File.newBuilder()
        .setName(file.path("name").asText(""))
        .setBytes(file.path("bytes").asLong())
        .setSha256(ByteString.copyFrom(HexFormat.of().parseHex(file.path("sha256").asText(""))))
        .build();
  }

  private static List<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).toList();
  }

  /** Bytes of a flat vector. */
  long bytes() {
    return tensors.stream().mapToLong(TensorShape::size).sum() * Float.BYTES;
  }

  /** Whether gradients of the two have the same meaning and the same bits. */
  boolean isSame(ChildDescription other) {
    return tensors.equals(other.tensors)
        && files.equals(other.files)
        && framework.equals(other.framework);
  }
}
