package io.gradstream.submission.weights;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Tensor;
import io.gradstream.proto.run.RunDescription;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Writes weights as a safetensors file, which PyTorch, JAX and others read.
 *
 * <p>The format (https://github.com/huggingface/safetensors): the header's length in 8 bytes
 * little-endian; the header, JSON with each tensor's type, shape and place, padded with spaces to a
 * multiple of 8; the values, our flat vector in float32 or rounded to bfloat16.
 *
 * <p>The metadata have two digests. {@code weights_sha256} is the version's own, which {@code
 * train}, {@code status} and {@code audit} print: it is taken over the values as they travelled, in
 * float32. {@code values_sha256} is taken over the values as the file has them. What the network is
 * built of is there, too: {@code model_type}, {@code model_options} as the run spec has them, and
 * {@code model}, a JSON object of what the model says itself ({@code TaskModel.blueprint}).
 */
public final class Safetensors {
  private static final int ALIGNMENT = 8;
  private static final long CHUNK = 64L << 20;

  private Safetensors() {}

  /**
   * Writes a file, whole or not at all.
   *
   * @param type how the file has the values
   * @param published digest of the version as it travelled
   * @throws IOException if it cannot be written
   */
  public static void write(
      Path file, RunDescription run, Weights weights, ValueType type, String published)
      throws IOException {
    final Path target = file.toAbsolutePath();
    final Path part = target.resolveSibling(target.getFileName() + ".part");
    try {
      try (var channel =
          FileChannel.open(
              part,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        final MemorySegment values = weights.valuesAs(type);
        writeFully(channel, header(run, weights, type, published));
        for (long done = 0; done < values.byteSize(); done += CHUNK) {
          final long length = Math.min(CHUNK, values.byteSize() - done);
          writeFully(channel, values.asSlice(done, length).asByteBuffer());
        }
      }
      Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static ByteBuffer header(
      RunDescription run, Weights weights, ValueType type, String published)
      throws JsonProcessingException {
    final var mapper = new ObjectMapper();
    final ObjectNode header = mapper.createObjectNode();
    final ObjectNode model = mapper.createObjectNode();
    run.model().forEach(model::put);
    header
        .putObject("__metadata__")
        .put("format", "pt")
        .put("run", run.spec().run())
        .put("weights_version", Long.toString(weights.version()))
        .put("weights_sha256", published)
        .put("values_sha256", weights.sha256(type))
        .put("model_type", run.spec().model().kind())
        .put("model_options", run.spec().model().toString())
        .put("model", mapper.writeValueAsString(model));
    for (final Tensor tensor : run.manifest().tensors()) {
      final ObjectNode entry = header.putObject(tensor.name());
      entry.put("dtype", type == ValueType.FLOAT32 ? "F32" : "BF16");
      final var shape = entry.putArray("shape");
      for (final long dimension : tensor.shape().shape()) {
        shape.add(dimension);
      }
      entry
          .putArray("data_offsets")
          .add(tensor.offset() * type.bytes())
          .add((tensor.offset() + tensor.size()) * type.bytes());
    }
    final byte[] json = mapper.writeValueAsBytes(header);
    final int length = (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    final byte[] padding = " ".repeat(length - json.length).getBytes(UTF_8);
    return ByteBuffer.allocate(Long.BYTES + length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(json)
        .put(padding)
        .flip();
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
