package io.gradstream.producer.model.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.onnx.OnnxMessage.Attribute;
import io.gradstream.producer.model.onnx.OnnxMessage.Graph;
import io.gradstream.producer.model.onnx.OnnxMessage.Model;
import io.gradstream.producer.model.onnx.OnnxMessage.Node;
import io.gradstream.producer.model.onnx.OnnxMessage.Tensor;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.Section;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A file of {@code gradstream.export}: one graph whose outputs belong to programs, by the beginning
 * of their names. {@code left/loss} and {@code left/gradient/encoder.0.weight} are outputs of task
 * {@code left}; {@code sum/losses} is one of the weighted sum, {@code validation/losses} of
 * validation. {@code left/taken/norm.running_mean} is what a batch takes away from a buffer. Inputs
 * are {@code field/image}, {@code parameter/encoder.0.weight}, {@code buffer/norm.running_mean},
 * {@code weights}.
 *
 * <p>It is looked over when it is read: operators of the ONNX standard alone, all data inside, no
 * control flow, nothing that draws random numbers.
 */
final class OnnxFile {
  static final String FIELD = "field/";
  static final String PARAMETER = "parameter/";
  static final String BUFFER = "buffer/";
  static final String WEIGHTS = "weights";
  static final String SUM = "sum";
  static final String VALIDATION = "validation";
  private static final Set<String> RANDOM =
      Set.of(
          "RandomNormal",
          "RandomNormalLike",
          "RandomUniform",
          "RandomUniformLike",
          "Bernoulli",
          "Multinomial",
          "Dropout");

  /** A field that the file takes: its element type, and its dimensions, samples first as -1. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Field(int type, long[] shape) {}

  private final ModelFile file;
  private final Section section;
  private final OnnxMessage model;
  private final OnnxMessage graph;
  private final List<OnnxMessage> nodes = new ArrayList<>();
  private final Map<String, Integer> producers = new HashMap<>();
  private final Map<String, ByteString> initializers = new LinkedHashMap<>();
  private final Map<String, ByteString> inputs = new LinkedHashMap<>();
  private final Map<String, ByteString> outputs = new LinkedHashMap<>();
  private final OnnxDescription description;

  /**
   * Reads a file.
   *
   * @param section the spec's, for messages
   * @throws UserError if it is no such file, or has in it what is not allowed
   */
  OnnxFile(ModelFile file, Section section) {
    this.file = file;
    this.section = section;
    try {
      this.model = OnnxMessage.parse(file.content());
      if (model.bytes(Model.GRAPH).isEmpty()) {
        throw error("is no ONNX file; write one with gradstream.export");
      }
      this.graph = OnnxMessage.parse(model.bytes(Model.GRAPH));
      this.description = readDescription();
      requireNone(model.has(Model.FUNCTIONS), "functions");
      requireNone(model.has(Model.TRAINING), "training information");
      requireNone(graph.has(Graph.SPARSE_INITIALIZER), "sparse tensors");
      for (final ByteString node : graph.all(Graph.NODE)) {
        add(OnnxMessage.parse(node));
      }
      for (final ByteString tensor : graph.all(Graph.INITIALIZER)) {
        final OnnxMessage read = OnnxMessage.parse(tensor);
        requireInside(read);
        initializers.put(read.text(Tensor.NAME), tensor);
      }
      for (final ByteString input : graph.all(Graph.INPUT)) {
        inputs.put(OnnxMessage.parse(input).text(1), input);
      }
      for (final ByteString output : graph.all(Graph.OUTPUT)) {
        outputs.put(OnnxMessage.parse(output).text(1), output);
      }
    } catch (InvalidProtocolBufferException e) {
      throw error("is no ONNX file, or damaged; write one with gradstream.export");
    }
    requireComplete();
  }

  private OnnxDescription readDescription() throws InvalidProtocolBufferException {
    for (final ByteString entry : model.all(Model.METADATA)) {
      final OnnxMessage property = OnnxMessage.parse(entry);
      if (property.text(1).equals(OnnxDescription.KEY)) {
        try {
          final var read = OnnxDescription.read(property.text(2));
          if (read.format() < 1 || read.format() > OnnxDescription.FORMAT) {
            throw error(
                "has format %d, and this Gradstream knows format %d; export it with the package that comes with this one"
                    .formatted(read.format(), OnnxDescription.FORMAT));
          }
          return read;
        } catch (IllegalArgumentException e) {
          throw error("is damaged: " + e.getMessage());
        }
      }
    }
    throw error(
        "has no losses and gradients in it, since gradstream.export did not write it; an ONNX file for inference cannot be trained");
  }

  private void add(OnnxMessage node) throws InvalidProtocolBufferException {
    final String operator = node.text(Node.OPERATOR);
    final String domain = node.text(Node.DOMAIN);
    if (!domain.isEmpty() && !domain.equals("ai.onnx")) {
      throw error(
          "uses operator %s of %s; ONNX's own operators alone are allowed"
              .formatted(operator, domain));
    }
    if (RANDOM.contains(operator)) {
      throw error(
          "draws random numbers (operator %s), and a run must be repeatable; take dropout and noise out"
              .formatted(operator));
    }
    for (final ByteString bytes : node.all(Node.ATTRIBUTE)) {
      final OnnxMessage attribute = OnnxMessage.parse(bytes);
      requireNone(
          attribute.has(Attribute.GRAPH) || attribute.has(Attribute.GRAPHS), "control flow");
      requireNone(
          attribute.has(Attribute.SPARSE) || attribute.has(Attribute.SPARSES), "sparse tensors");
      for (final int field : List.of(Attribute.TENSOR, Attribute.TENSORS)) {
        for (final ByteString tensor : attribute.all(field)) {
          requireInside(OnnxMessage.parse(tensor));
        }
      }
    }
    for (final String output : node.texts(Node.OUTPUT)) {
      producers.put(output, nodes.size());
    }
    nodes.add(node);
  }

  /** A file must not make the runtime read another. */
  private void requireInside(OnnxMessage tensor) {
    if (tensor.has(Tensor.EXTERNAL) || tensor.number(Tensor.LOCATION) != 0) {
      throw error(
          "refers to another file for tensor %s; everything must be in one file"
              .formatted(tensor.text(Tensor.NAME)));
    }
  }

  private void requireNone(boolean isThere, String what) {
    if (isThere) {
      throw error("has %s in it, which gradstream.export does not write".formatted(what));
    }
  }

  private void requireComplete() {
    if (description.parameters().isEmpty()) {
      throw error("has no parameter to train");
    }
    if (description.format() < 2 && !description.buffers().isEmpty()) {
      throw error(
          "has buffers that learn from batches, and an older package wrote it, which left open from whose; export it again");
    }
    for (final String task : description.tasks()) {
      requireOutput(task + "/loss");
    }
    requireOutput(SUM + "/losses");
    requireOutput(VALIDATION + "/losses");
    final Set<String> known = new HashSet<>();
    for (final OnnxDescription.Parameter parameter : description.parameters()) {
      requireInput(PARAMETER + parameter.name(), parameter.size(), known);
    }
    for (final OnnxDescription.Buffer buffer : description.buffers()) {
      requireInput(BUFFER + buffer.name(), buffer.size(), known);
      for (final String task : buffer.tasks()) {
        requireOutput(task + "/taken/" + buffer.name());
      }
      requireOutput(SUM + "/taken/" + buffer.name());
    }
  }

  private void requireInput(String name, long size, Set<String> known) {
    if (!known.add(name) || !inputs.containsKey(name)) {
      throw error("is damaged: there is no one input " + name);
    }
    if (rawOf(name).size() != size * Float.BYTES) {
      throw error("is damaged: %s has no initial values of its size".formatted(name));
    }
  }

  private void requireOutput(String name) {
    if (!outputs.containsKey(name)) {
      throw error("is damaged: it has no output " + name);
    }
  }

  /** The message for whoever submits the file. */
  UserError error(String message) {
    return section.error("file", file.name() + " " + message);
  }

  OnnxDescription description() {
    return description;
  }

  /**
   * The tensors that a program gives something for, by the outputs' names: parameters whose
   * gradients, and buffers of which it gives what the batch takes away.
   */
  Map<String, String> gradients(String program) {
    final Map<String, String> gradients = new LinkedHashMap<>();
    for (final OnnxDescription.Parameter parameter : description.parameters()) {
      final String output = program + "/gradient/" + parameter.name();
      if (outputs.containsKey(output)) {
        gradients.put(output, parameter.name());
      }
    }
    for (final OnnxDescription.Buffer buffer : description.buffers()) {
      final String output = program + "/taken/" + buffer.name();
      if (outputs.containsKey(output)) {
        gradients.put(output, buffer.name());
      }
    }
    return gradients;
  }

  /** The fields that batches must have, by name. */
  Map<String, Field> fields() {
    final Map<String, Field> fields = new LinkedHashMap<>();
    inputs.forEach(
        (name, value) -> {
          if (name.startsWith(FIELD)) {
            fields.put(name.substring(FIELD.length()), field(value));
          }
        });
    return fields;
  }

  private Field field(ByteString value) {
    try {
      final OnnxMessage tensor =
          OnnxMessage.parse(OnnxMessage.parse(OnnxMessage.parse(value).bytes(2)).bytes(1));
      final List<ByteString> dimensions = OnnxMessage.parse(tensor.bytes(2)).all(1);
      final long[] shape = new long[dimensions.size()];
      for (int d = 0; d < shape.length; d++) {
        final OnnxMessage dimension = OnnxMessage.parse(dimensions.get(d));
        shape[d] = dimension.has(1) ? dimension.number(1) : -1;
      }
      return new Field((int) tensor.number(1), shape);
    } catch (InvalidProtocolBufferException e) {
      throw error("is damaged: an input has no type");
    }
  }

  /** The input that takes a tensor. */
  static String input(TensorShape tensor) {
    return (tensor.buffer() ? BUFFER : PARAMETER) + tensor.name();
  }

  /** Writes a tensor's initial values, little-endian float32. */
  void writeInitial(TensorShape tensor, MemorySegment target) {
    final ByteBuffer values = rawOf(input(tensor)).asReadOnlyByteBuffer();
    target.copyFrom(MemorySegment.ofBuffer(values));
  }

  private ByteString rawOf(String name) {
    try {
      final OnnxMessage tensor =
          OnnxMessage.parse(initializers.getOrDefault(name, ByteString.EMPTY));
      return tensor.number(Tensor.TYPE) == OnnxMessage.FLOAT
          ? tensor.bytes(Tensor.RAW)
          : ByteString.EMPTY;
    } catch (InvalidProtocolBufferException e) {
      return ByteString.EMPTY;
    }
  }

  /**
   * A model with one program alone: its outputs, and what they follow from.
   *
   * @param program a task, {@link #SUM} or {@link #VALIDATION}
   */
  byte[] program(String program) {
    final List<ByteString> wanted = new ArrayList<>();
    final Set<String> needed = new HashSet<>();
    outputs.forEach(
        (name, value) -> {
          if (name.startsWith(program + "/")) {
            wanted.add(value);
            needed.add(name);
          }
        });
    final boolean[] isUsed = new boolean[nodes.size()];
    // Nodes stand in an order in which inputs come first, so one pass from the end finds all.
    for (int n = nodes.size() - 1; n >= 0; n--) {
      final OnnxMessage node = nodes.get(n);
      if (node.texts(Node.OUTPUT).stream().anyMatch(needed::contains)) {
        isUsed[n] = true;
        needed.addAll(node.texts(Node.INPUT));
      }
    }
    final List<ByteString> kept = new ArrayList<>();
    for (int n = 0; n < isUsed.length; n++) {
      if (isUsed[n]) {
        kept.add(nodes.get(n).serialized());
      }
    }
    final OnnxMessage pruned =
        graph
            .with(Graph.NODE, kept)
            .with(Graph.INITIALIZER, chosen(initializers, needed, true))
            .with(Graph.INPUT, chosen(inputs, needed, false))
            .with(Graph.OUTPUT, wanted)
            .without(Graph.VALUE_INFO);
    return model.with(Model.GRAPH, List.of(pruned.serialized())).serialized().toByteArray();
  }

  private List<ByteString> chosen(
      Map<String, ByteString> from, Set<String> needed, boolean exceptInputs) {
    final List<ByteString> chosen = new ArrayList<>();
    from.forEach(
        (name, value) -> {
          if (needed.contains(name) && !(exceptInputs && inputs.containsKey(name))) {
            chosen.add(value);
          }
        });
    return chosen;
  }
}
