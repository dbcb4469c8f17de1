package io.gradstream.producer.model.torchscript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.model.TestFiles;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The files and the answers are what {@code make_files.py} beside them wrote with torch. */
class TorchScriptModelTest {
  private static final String TASKS =
      "[{name: left, loss: cross-entropy, target: left-digit},"
          + " {name: right, loss: cross-entropy, target: right-digit}]";
  private static final String GIVEN = "[{name: left, loss: given}, {name: right, loss: given}]";

  private static String model(String file, String... more) {
    return "{type: torchscript, file: %s, inputs: [image], outputs: [left, right]%s}"
        .formatted(file, more.length == 0 ? "" : ", " + String.join(", ", more));
  }

  private static TaskModel open(RunSpec spec, String file) {
    return Models.prepare(spec, ModelCommand.NONE, TestFiles.file("torchscript/" + file)).get();
  }

  private static TaskModel heads() {
    return open(TestFiles.spec(model("heads.pt"), TASKS), "heads.pt");
  }

  private static JsonNode answers() throws IOException {
    return new ObjectMapper().readTree(TestFiles.bytes("torchscript/answers.json"));
  }

  @Test
  void parametersThatOneLossReachesAreItsOwn() {
    try (TaskModel model = heads()) {
      assertThat(model.tensors())
          .extracting(tensor -> tensor.name() + " " + tensor.owner())
          .containsExactly(
              "body.weight -1",
              "body.bias -1",
              "left.weight 0",
              "left.bias 0",
              "right.weight 1",
              "right.bias 1");
    }
  }

  @Test
  void lossesAndGradientsAreThoseOfTorch() throws IOException {
    try (TaskModel model = heads()) {
      model.initialize(1);
      for (int task = 0; task < 2; task++) {
        final JsonNode answer = answers().get(task == 0 ? "left" : "right");
        assertThat(model.gradient(task, 3)).isCloseTo(answer.get("loss").asDouble(), within(1e-5));
        final List<MemorySegment> slices = FlatVector.slices(model.gradient(), model.tensors());
        for (int t = 0; t < slices.size(); t++) {
          final float[] found = slices.get(t).toArray(ValueLayout.JAVA_FLOAT);
          final JsonNode expected = answer.get("gradient").get(model.tensors().get(t).name());
          for (int i = 0; i < found.length; i++) {
            final double value = expected.isEmpty() ? 0 : expected.get(i).asDouble();
            assertThat((double) found[i]).isCloseTo(value, within(1e-6));
          }
        }
      }
    }
  }

  /** Lambda's part in the sum, the same batch, the same weights: the weighted sum of gradients. */
  @Test
  void theSumIsTheWeightedSumOfTheTasks() {
    final RunSpec spec =
        TestFiles.spec(model("heads.pt"), TASKS, "tasks.0.weight=0.5", "tasks.1.weight=3");
    try (TaskModel model = open(spec, "heads.pt")) {
      model.initialize(1);
      final double[] losses = {model.gradient(0, 2), 0};
      final float[] left = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      losses[1] = model.gradient(1, 2);
      final float[] right = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      assertThat(model.scalarizedGradient(2)).containsExactly(losses, within(1e-6));
      final float[] sum = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      for (int i = 0; i < sum.length; i++) {
        assertThat(sum[i]).isCloseTo(0.5f * left[i] + 3 * right[i], within(1e-5f));
      }
    }
  }

  @Test
  void gradientsFollowFromWeightsAndBatchWhateverWasAskedBefore() {
    try (TaskModel one = heads();
        TaskModel other = heads()) {
      one.initialize(1);
      other.initialize(1);
      other.gradient(0, 7);
      other.validate(20);
      assertThat(one.gradient(1, 5)).isEqualTo(other.gradient(1, 5));
      assertThat(one.gradient().toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(other.gradient().toArray(ValueLayout.JAVA_BYTE));
      assertThat(one.gradient(1, 6)).isNotEqualTo(other.gradient(1, 5));
      final long last = one.weights().byteSize() / Float.BYTES - 1;
      one.weights().setAtIndex(ValueLayout.JAVA_FLOAT, last, 4f);
      assertThat(one.gradient(1, 5)).isNotEqualTo(other.gradient(1, 5));
      one.initialize(1);
      assertThat(one.gradient(1, 5)).isEqualTo(other.gradient(1, 5));
    }
  }

  @Test
  void validationHasLossesAndAccuracies() {
    try (TaskModel model = heads()) {
      model.initialize(1);
      final var validation = model.validate(50);
      assertThat(validation.samples()).isEqualTo(50);
      assertThat(validation.losses()[0]).isCloseTo(2.3, within(0.3));
      assertThat(validation.metrics()).containsOnlyKeys("left accuracy", "right accuracy");
      assertThat(validation.metrics().get("left accuracy")).isBetween(0.0, 0.4);
    }
  }

  @Test
  void aDictionaryIsReadByItsKeys() throws IOException {
    final RunSpec spec = TestFiles.spec(model("dictionary.pt"), TASKS);
    try (TaskModel model = open(spec, "dictionary.pt")) {
      model.initialize(1);
      assertThat(model.gradient(0, 3))
          .isCloseTo(answers().get("left").get("loss").asDouble(), within(1e-5));
    }
  }

  @Test
  void lossesMayBeInside() throws IOException {
    final RunSpec spec =
        TestFiles.spec(
            "{type: torchscript, file: losses.pt, inputs: [image, left-digit, right-digit], outputs: [left, right]}",
            GIVEN);
    try (TaskModel model = open(spec, "losses.pt")) {
      model.initialize(1);
      assertThat(model.gradient(1, 3))
          .isCloseTo(answers().get("right").get("loss").asDouble(), within(1e-5));
      assertThat(model.tensors().get(2).owner()).isZero();
    }
  }

  @Test
  void numbersHaveTheirLosses() throws IOException {
    for (final String loss : List.of("l1", "mse")) {
      final RunSpec spec =
          TestFiles.spec(
              model("numbers.pt"),
              "[{name: a, loss: %s, output: left, target: left-digit}]".formatted(loss));
      try (TaskModel model = open(spec, "numbers.pt")) {
        model.initialize(1);
        assertThat(model.gradient(0, 3)).isCloseTo(answers().get(loss).asDouble(), within(1e-4));
      }
    }
  }

  @Test
  void ownersCanBeGiven() {
    final RunSpec shared =
        TestFiles.spec(model("heads.pt", "owners: [{parameter: left, task: shared}]"), TASKS);
    try (TaskModel model = open(shared, "heads.pt")) {
      assertThat(model.tensors())
          .extracting(tensor -> tensor.owner())
          .containsExactly(-1, -1, -1, -1, 1, 1);
    }
    refused(
        TestFiles.spec(model("heads.pt", "owners: [{parameter: body.bias, task: left}]"), TASKS),
        "heads.pt",
        "model.owners",
        "body.bias cannot be task left's own: the loss of task right reaches it");
  }

  @Test
  void randomnessIsRefusedUnlessItIsOff() {
    refused(
        TestFiles.spec(model("dropout.pt"), TASKS),
        "dropout.pt",
        "model.file",
        "twice with two results",
        "dropout",
        "mode: evaluation");
    final RunSpec off = TestFiles.spec(model("dropout.pt", "mode: evaluation"), TASKS);
    try (TaskModel model = open(off, "dropout.pt")) {
      assertThat(model.gradient(0, 0)).isEqualTo(model.gradient(0, 0));
    }
  }

  @Test
  void statisticsThatLearnAreRefusedUnlessTheyRest() {
    refused(
        TestFiles.spec(model("normalised.pt"), TASKS),
        "normalised.pt",
        "learns from batches",
        "track_running_stats=False");
    final RunSpec rest = TestFiles.spec(model("normalised.pt", "mode: evaluation"), TASKS);
    try (TaskModel model = open(rest, "normalised.pt")) {
      assertThat(model.gradient(0, 0)).isFinite();
    }
  }

  @Test
  void filesThatCannotBeTrainedAreRefused() {
    refused(TestFiles.spec(model("frozen.pt"), TASKS), "frozen.pt", "no parameter to train");
    refused(
        TestFiles.spec(model("weights.pt"), TASKS), "weights.pt", "holds weights and no program");
    refused(
        TestFiles.spec(model("newer.pt"), TASKS), "newer.pt", "does not know", "tanh_of_tomorrow");
    final RunSpec spec = TestFiles.spec(model("text.pt"), TASKS);
    final var text = new ModelFile("text.pt", ByteString.copyFromUtf8("no zip at all"));
    refused(spec, text, "test.yaml:", "no TorchScript file (no zip archive)");
    final ByteString whole = TestFiles.file("torchscript/heads.pt").content();
    final var cut = new ModelFile("text.pt", whole.substring(0, whole.size() / 2));
    refused(spec, cut, "text.pt is damaged");
    refused(spec, ModelFile.NONE, "is not here");
  }

  /** The interpreter has operators that write and map files. */
  @Test
  void codeThatReachesTheFileSystemIsRefused() {
    refused(
        TestFiles.spec(model("writing.pt"), TASKS),
        "writing.pt",
        "calls ops.aten.save, which reaches the file system");
  }

  @Test
  void mistakesInTheSpecAreSaidInOneLine() {
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "tasks.1.output=left"),
        "heads.pt",
        "tasks.1.output: left is already the output of tasks.0");
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "tasks.1.output=middle"),
        "heads.pt",
        "tasks.1.output: model.outputs has no middle");
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "model.outputs=[left, right, middle]"),
        "heads.pt",
        "model.outputs",
        "forward returns 2 tensors");
    refused(
        TestFiles.spec(model("dictionary.pt"), TASKS, "model.outputs=[left, right, middle]"),
        "dictionary.pt",
        "model.outputs",
        "forward returns a dictionary with");
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "model.inputs=[picture]"),
        "heads.pt",
        "model.inputs",
        "the data have no field picture; they have [image, left-digit, right-digit]");
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "tasks.0.target=digit"),
        "heads.pt",
        "tasks.0.target: the data have no field digit");
    refused(
        TestFiles.spec(model("heads.pt"), GIVEN),
        "heads.pt",
        "output left; with loss given it must be one number");
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "tasks.0.loss=mse"),
        "heads.pt",
        "mse compares element by element");
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "tasks.0.loss=binary-cross-entropy"),
        "heads.pt",
        "needs labels 0 and 1");
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "data.shift=8"),
        "heads.pt",
        "fails on a batch of image (4, 1, 36, 36)",
        "shapes cannot be multiplied");
    refused(
        TestFiles.spec(model("heads.pt"), TASKS, "model.inputs=[image, left-digit]"),
        "heads.pt",
        "fails on a batch of");
  }

  private static void refused(RunSpec spec, String file, String... said) {
    refused(spec, TestFiles.file("torchscript/" + file), said);
  }

  private static void refused(RunSpec spec, ModelFile file, String... said) {
    assertThatThrownBy(() -> Models.prepare(spec, ModelCommand.NONE, file).get().close())
        .isInstanceOf(UserError.class)
        .hasMessageContainingAll(said)
        .message()
        .doesNotContain("\n");
  }
}
