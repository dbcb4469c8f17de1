package io.gradstream.producer.model.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.model.TestFiles;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files and the answers are what {@code make_files.py} beside them wrote with torch. */
class OnnxModelTest {
  private static final String TASKS = "[{name: left, loss: given}, {name: right, loss: given}]";

  private static RunSpec spec(String name, String... overrides) {
    return TestFiles.spec("{type: onnx, file: %s.onnx}".formatted(name), TASKS, overrides);
  }

  private static TaskModel open(String name, String... overrides) {
    return Models.prepare(
            spec(name, overrides), ModelCommand.NONE, TestFiles.file("onnx/" + name + ".onnx"))
        .get();
  }

  @ParameterizedTest
  @ValueSource(strings = {"mlp", "convolutions", "transformer", "normalised", "evaluated"})
  void lossesAndGradientsAreThoseOfTorch(String name) throws IOException {
    final JsonNode answers =
        new ObjectMapper().readTree(TestFiles.bytes("onnx/answers.json")).get(name);
    try (TaskModel model = open(name, "model.eval-gradients=" + name.equals("evaluated"))) {
      for (int task = 0; task < 2; task++) {
        final JsonNode answer = answers.get(task == 0 ? "left" : "right");
        final double tolerance = 1e-5 * answer.get("norm").asDouble();
        assertThat(model.gradient(task, 3)).isCloseTo(answer.get("loss").asDouble(), within(1e-5));
        final List<MemorySegment> slices = FlatVector.slices(model.gradient(), model.tensors());
        for (int t = 0; t < slices.size(); t++) {
          final float[] found = slices.get(t).toArray(ValueLayout.JAVA_FLOAT);
          final JsonNode expected = answer.get("gradient").get(model.tensors().get(t).name());
          final int step = Math.max(1, found.length / 40);
          for (int i = 0; i < found.length; i += step) {
            final double value = expected.isEmpty() ? 0 : expected.get(i / step).asDouble();
            assertThat((double) found[i])
                .as("%s of %s", i, model.tensors().get(t))
                .isCloseTo(value, within(tolerance));
          }
        }
      }
    }
  }

  @Test
  void parametersThatOneLossReachesAreItsOwn() {
    try (TaskModel model = open("mlp")) {
      assertThat(model.tensors())
          .filteredOn(tensor -> tensor.owner() >= 0)
          .extracting(tensor -> tensor.name() + " " + tensor.owner())
          .containsExactly("left.weight 0", "left.bias 0", "right.weight 1", "right.bias 1");
    }
  }

  /** The file was exported with three samples a batch; a run may have another number. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 17})
  void theNumberOfSamplesIsFree(int samples) {
    try (TaskModel model = open("convolutions", "accumulation.batch-size=" + samples)) {
      assertThat(model.gradient(0, 1)).isCloseTo(2.3, within(1.0));
      assertThat(model.validate(samples + 1).samples()).isEqualTo(samples + 1);
    }
  }

  @Test
  void theSumIsTheWeightedSumOfTheTasks() {
    try (TaskModel model = open("mlp", "tasks.0.weight=0.5", "tasks.1.weight=3")) {
      final double[] losses = {model.gradient(0, 2), 0};
      final float[] left = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      losses[1] = model.gradient(1, 2);
      final float[] right = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      assertThat(model.scalarizedGradient(2)).containsExactly(losses, within(1e-5));
      final float[] sum = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      for (int i = 0; i < sum.length; i++) {
        assertThat(sum[i]).isCloseTo(0.5f * left[i] + 3 * right[i], within(1e-5f));
      }
    }
  }

  /** What a batch takes away from them is compared with torch's above, beside the gradients. */
  @Test
  void buffersAreTensorsWithTheTasksThatTheyLearnFrom() {
    try (TaskModel model = open("normalised")) {
      assertThat(model.tensors())
          .filteredOn(TensorShape::buffer)
          .containsExactly(
              TensorShape.buffer("left.1.running_mean", new long[] {6}, List.of(0)),
              TensorShape.buffer("left.1.running_var", new long[] {6}, List.of(0)),
              TensorShape.buffer("norm.running_mean", new long[] {4}, List.of(0, 1)),
              TensorShape.buffer("norm.running_var", new long[] {4}, List.of(0, 1)));
      final int last = model.tensors().size() - 1;
      model.gradient(0, 2);
      final float[] left = slice(model.gradient(), model, last);
      model.gradient(1, 2);
      final float[] right = slice(model.gradient(), model, last);
      model.scalarizedGradient(2);
      final float[] sum = slice(model.gradient(), model, last);
      for (int i = 0; i < sum.length; i++) {
        assertThat(sum[i]).isCloseTo((left[i] + right[i]) / 2, within(1e-7f)).isNotZero();
      }
      final double before = model.validate(20).losses()[1];
      FlatVector.slices(model.weights(), model.tensors())
          .get(last)
          .setAtIndex(ValueLayout.JAVA_FLOAT, 0, 9f);
      assertThat(model.validate(20).losses()[1]).isNotEqualTo(before);
      assertThat(model.gradient(1, 2)).isPositive();
      assertThat(slice(model.weights(), model, last)[0]).isEqualTo(9f);
      model.initialize(5);
      assertThat(model.validate(20).losses()[1]).isEqualTo(before);
    }
  }

  private static float[] slice(MemorySegment flat, TaskModel model, int tensor) {
    return FlatVector.slices(flat, model.tensors()).get(tensor).toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void specAndFileMustAgreeOnEvaluationMode() {
    refused(spec("mlp", "model.eval-gradients=true"), "eval-gradients", "eval_gradients=False");
    refused(
        spec("evaluated"),
        TestFiles.file("onnx/evaluated.onnx"),
        "eval-gradients",
        "eval_gradients=True");
    refused(
        TestFiles.spec("{type: onnx, file: normalised.onnx}", "[{name: right, loss: given}]"),
        TestFiles.file("onnx/normalised.onnx"),
        "learns from loss left, which is no task's of the run");
  }

  /** Tasks in another order than the file's losses, and under other names. */
  @Test
  void aTaskNamesItsLossByOutput() {
    final RunSpec turned =
        TestFiles.spec(
            "{type: onnx, file: mlp.onnx}",
            "[{name: second, loss: given, output: right}, {name: first, loss: given, output: left}]");
    try (TaskModel straight = open("mlp");
        TaskModel model =
            Models.prepare(turned, ModelCommand.NONE, TestFiles.file("onnx/mlp.onnx")).get()) {
      assertThat(model.gradient(0, 4)).isEqualTo(straight.gradient(1, 4));
      assertThat(model.scalarizedGradient(4)[1]).isEqualTo(straight.scalarizedGradient(4)[0]);
      assertThat(model.validate(8).losses()[0]).isEqualTo(straight.validate(8).losses()[1]);
      assertThat(model.tensors().getLast().name()).isEqualTo("left.bias");
    }
  }

  @Test
  void gradientsFollowFromWeightsAndBatchWhateverWasAskedBefore() {
    try (TaskModel one = open("transformer");
        TaskModel other = open("transformer")) {
      other.gradient(0, 7);
      other.validate(20);
      final long fingerprint = other.fingerprint();
      assertThat(one.gradient(1, 5)).isEqualTo(other.gradient(1, 5));
      assertThat(one.gradient().toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(other.gradient().toArray(ValueLayout.JAVA_BYTE));
      assertThat(one.fingerprint()).isEqualTo(fingerprint);
      final long last = one.weights().byteSize() / Float.BYTES - 1;
      one.weights().setAtIndex(ValueLayout.JAVA_FLOAT, last, 4f);
      assertThat(one.gradient(1, 5)).isNotEqualTo(other.gradient(1, 5));
      one.initialize(1);
      assertThat(one.gradient(1, 5)).isEqualTo(other.gradient(1, 5));
    }
  }

  @Test
  void validationHasTheFilesMetrics() {
    try (TaskModel model = open("mlp")) {
      final var validation = model.validate(50);
      assertThat(validation.losses()[1]).isCloseTo(2.3, within(0.5));
      assertThat(validation.metrics()).containsOnlyKeys("left");
      assertThat(validation.metrics().get("left")).isBetween(0.0, 0.4);
      assertThat(model.provenance().framework().getName()).isEqualTo("onnxruntime");
      assertThat(model.provenance().files())
          .extracting(file -> file.getName())
          .containsExactly("mlp.onnx");
    }
  }

  @Test
  void mistakesInTheSpecAreSaidInOneLine() {
    refused(spec("mlp", "tasks.1.output=left"), "tasks.1.output: left is already the output of");
    refused(spec("mlp", "tasks.1.output=middle"), "tasks.1.output", "has no loss middle");
    refused(spec("mlp", "tasks.1.loss=cross-entropy"), "the losses are in the file");
    refused(spec("mlp", "tasks.1.target=right-digit"), "tasks.1.target");
    refused(spec("mlp", "data.type=idx", "data.shift=~", "data.partners=~"), "unknown key");
    refused(spec("mlp", "data={type: idx, directory: 'shipped:digits'}"), "takes field left-digit");
    refused(spec("transformer", "data.shift=8"), "takes field image with shape [-1, 1, 28, 28]");
    refused(
        spec("mlp", "compute.device=gpu:0"),
        "device gpu:0 (compute.device, or --device)",
        "onnxruntime_gpu");
    refused(spec("mlp", "data=none"), "an ONNX model needs data");
  }

  private static void refused(RunSpec spec, String... said) {
    refused(spec, TestFiles.file("onnx/mlp.onnx"), said);
  }

  private static void refused(RunSpec spec, ModelFile file, String... said) {
    assertThatThrownBy(() -> Models.prepare(spec, ModelCommand.NONE, file).get().close())
        .isInstanceOf(UserError.class)
        .hasMessageContainingAll(said)
        .message()
        .doesNotContain("\n");
  }

  @Test
  void filesThatAreNoneAreRefused() {
    refusedFile(ByteString.copyFromUtf8("not at all"), "is no ONNX file");
    refusedFile(ByteString.EMPTY, "is empty");
    final ByteString whole = TestFiles.file("onnx/mlp.onnx").content();
    refusedFile(whole.substring(0, whole.size() / 2), "no ONNX file, or damaged");
    refusedFile(
        edited(model -> model.without(OnnxMessage.Model.METADATA)),
        "for inference cannot be trained");
  }

  /** The runtime opens whatever file an external tensor names. */
  @Test
  void dataInOtherFilesAreRefused() {
    refusedFile(
        withTensor(tensor -> tensor.with(OnnxMessage.Tensor.EXTERNAL, List.of(ByteString.EMPTY))),
        "refers to another file");
    refusedFile(
        withTensor(
            tensor ->
                new OnnxMessage(
                    UnknownFieldSet.newBuilder(tensor.fields())
                        .mergeVarintField(OnnxMessage.Tensor.LOCATION, 1)
                        .build())),
        "refers to another file");
  }

  @Test
  void operatorsOfOthersAndControlFlowAreRefused() {
    refusedFile(
        withNode(
            node -> node.with(OnnxMessage.Node.DOMAIN, List.of(ByteString.copyFromUtf8("evil")))),
        "ONNX's own operators alone");
    refusedFile(
        withNode(
            node ->
                node.with(
                    OnnxMessage.Node.OPERATOR, List.of(ByteString.copyFromUtf8("RandomUniform")))),
        "draws random numbers (operator RandomUniform)");
    final ByteString inner =
        new OnnxMessage(UnknownFieldSet.getDefaultInstance())
            .with(OnnxMessage.Attribute.GRAPH, List.of(ByteString.EMPTY))
            .serialized();
    refusedFile(
        withNode(node -> node.with(OnnxMessage.Node.ATTRIBUTE, List.of(inner))), "control flow");
    refusedFile(
        edited(model -> model.with(OnnxMessage.Model.FUNCTIONS, List.of(ByteString.EMPTY))),
        "functions");
  }

  @Test
  void operatorsThatTheRuntimeDoesNotKnowAreRefused() {
    refusedFile(
        withNode(
            node ->
                node.with(
                    OnnxMessage.Node.OPERATOR, List.of(ByteString.copyFromUtf8("OfTomorrow")))),
        "cannot be run by ONNX Runtime",
        "OfTomorrow");
  }

  private static void refusedFile(ByteString content, String... said) {
    refused(spec("mlp"), new ModelFile("mlp.onnx", content), said);
  }

  private static ByteString withTensor(UnaryOperator<OnnxMessage> change) {
    return withFirst(OnnxMessage.Graph.INITIALIZER, change);
  }

  private static ByteString withNode(UnaryOperator<OnnxMessage> change) {
    return withFirst(OnnxMessage.Graph.NODE, change);
  }

  private static ByteString withFirst(int field, UnaryOperator<OnnxMessage> change) {
    return edited(
        model -> {
          try {
            final OnnxMessage graph = OnnxMessage.parse(model.bytes(OnnxMessage.Model.GRAPH));
            final var values = new ArrayList<>(graph.all(field));
            values.set(0, change.apply(OnnxMessage.parse(values.getFirst())).serialized());
            return model.with(
                OnnxMessage.Model.GRAPH, List.of(graph.with(field, values).serialized()));
          } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private static ByteString edited(UnaryOperator<OnnxMessage> change) {
    try {
      final ByteString content = TestFiles.file("onnx/mlp.onnx").content();
      return change.apply(OnnxMessage.parse(content)).serialized();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException(e);
    }
  }
}
