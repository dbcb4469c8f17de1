package io.gradstream.producer.model.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFailure;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.RunSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A child's whole life, with a script that needs nothing but a Python 3. */
@Timeout(120)
class ProcessModelTest {
  private static final String SCRIPT =
      Path.of("src/test/resources/process/child.py").toAbsolutePath().toString();

  @TempDir private Path directory;

  @BeforeAll
  static void needsPython() {
    Python.require();
  }

  private static RunSpec spec(String... overrides) {
    return RunSpec.parse(
        """
        run: process
        rounds: 10
        tasks: [{name: a, loss: given}, {name: b, loss: given}]
        model: {type: process, command: [nobody-starts-this]}
        accumulation: {batch-size: 4}
        resolver: sum
        optimizer: {type: sgd, learning-rate: 0.1}
        """,
        "spec",
        List.of(overrides));
  }

  private static ModelCommand command(String... arguments) {
    final var words = new ArrayList<>(List.of(Python.program(), SCRIPT));
    words.addAll(List.of(arguments));
    return new ModelCommand(words, "--command");
  }

  private static TaskModel model(String... arguments) {
    return Models.prepare(spec("orders.timeout-ms=2000"), command(arguments)).get();
  }

  private static List<Float> gradientOf(TaskModel model) {
    final var values = new ArrayList<Float>();
    for (long i = 0; i < model.gradient().byteSize() / Float.BYTES; i++) {
      values.add(model.gradient().getAtIndex(ValueType.FLOAT, i));
    }
    return values;
  }

  @Test
  void gradientsOfAScriptAreThereWithoutACopy() {
    try (TaskModel model = model()) {
      assertThat(model.tensors())
          .containsExactly(
              new TensorShape("shared", new long[] {3}, TensorShape.SHARED),
              new TensorShape("own.0", new long[] {1}, 0),
              new TensorShape("own.1", new long[] {1}, 1));
      model.initialize(1); // 1, 2, 3, 4, 5
      assertThat(model.gradient(0, 5)).isCloseTo((0.25 + 2.25 + 6.25 + 12.25) / 2, within(1e-6));
      assertThat(gradientOf(model)).containsExactly(0.5f, 1.5f, 2.5f, 3.5f, 0f);
      model.weights().setAtIndex(ValueType.FLOAT, 0, 10f);
      model.gradient(1, 0);
      assertThat(gradientOf(model)).containsExactly(9f, 1f, 2f, 0f, 4f);
      assertThat(model.scalarizedGradient(0)).hasSize(2);
      assertThat(gradientOf(model)).containsExactly(19f, 3f, 5f, 4f, 4f);
    }
  }

  @Test
  void buffersAreTensorsBehindTheParameters() {
    try (TaskModel model = model("buffers")) {
      assertThat(model.tensors())
          .hasSize(4)
          .endsWith(TensorShape.buffer("mean", new long[] {2}, List.of(0, 1)));
      model.initialize(1); // 1, 2, ..., 7
      model.gradient(0, 5);
      assertThat(gradientOf(model).subList(5, 7))
          .containsExactly((float) (0.1 * (6 - 5)), (float) (0.1 * (7 - 5)));
      assertThat(model.weights().getAtIndex(ValueType.FLOAT, 5)).isEqualTo(6f);
    }
  }

  @Test
  void aScriptIsToldToTakeGradientsInEvaluationMode() {
    assertThatThrownBy(
            () ->
                Models.prepare(
                        spec("model.eval-gradients=true", "orders.timeout-ms=2000"),
                        command("eval"))
                    .get())
        .isInstanceOf(UserError.class)
        .hasMessageContaining("no evaluation mode here");
    model("eval").close();
  }

  @Test
  void initialWeightsBelongToTheSeed() {
    try (TaskModel model = model()) {
      model.initialize(7);
      assertThat(model.weights().getAtIndex(ValueType.FLOAT, 0)).isEqualTo(7f);
    }
  }

  @Test
  void fingerprintIsTheSameInEveryProcessAndLeavesTheWeightsAlone() {
    try (TaskModel one = model();
        TaskModel other = model()) {
      one.initialize(1);
      assertThat(one.fingerprint()).isEqualTo(other.fingerprint()).isNotZero();
      assertThat(one.weights().getAtIndex(ValueType.FLOAT, 4)).isEqualTo(5f);
    }
  }

  @Test
  void validationIsTheMeanOverBatches() {
    try (TaskModel model = model()) {
      final TaskModel.Validation validation = model.validate(6);
      assertThat(validation.samples()).isEqualTo(6);
      assertThat(validation.losses()).containsExactly(0.5, 2.0);
      assertThat(validation.metrics().get("first"))
          .isCloseTo((0.04 * 4 + 4.02 * 2) / 6, within(1e-9));
    }
  }

  @ParameterizedTest
  @CsvSource({"dies", "hangs", "raises", "other-id", "no-json", "no-number"})
  void childThatFailsOnceIsStartedAgainWithItsWeights(String behaviour) {
    try (TaskModel model = model(behaviour, "2", directory.resolve("failed").toString())) {
      model.initialize(1);
      model.weights().setAtIndex(ValueType.FLOAT, 0, 10f);
      model.gradient(1, 0);
      final List<Float> before = gradientOf(model);
      assertThatThrownBy(() -> model.gradient(1, 0)).isInstanceOf(ModelFailure.class);
      model.gradient(1, 0);
      assertThat(gradientOf(model)).isEqualTo(before);
    }
  }

  @Test
  void answerThatNobodyAskedForIsAFailureOfTheNextCommand() {
    try (TaskModel model = model("twice", "1", directory.resolve("failed").toString())) {
      model.gradient(0, 0);
      assertThatThrownBy(() -> model.gradient(0, 0)).hasMessageContaining("answered");
    }
  }

  @Test
  void childThatAlwaysDiesIsAnErrorWithItsLastWords() {
    try (TaskModel model = model("dies", "1")) {
      for (int failure = 0; failure < 2; failure++) {
        assertThatThrownBy(() -> model.gradient(0, 0)).isInstanceOf(ModelFailure.class);
      }
      assertThatThrownBy(() -> model.gradient(0, 0))
          .isInstanceOf(UserError.class)
          .hasMessage(
              "--command: %s %s dies 1 ended with exit code 3; its last words: something to remember, 3 times in a row",
              Python.program(), SCRIPT);
    }
  }

  @Test
  void printsAreHarmless() {
    try (TaskModel model = model("prints", "1")) {
      model.initialize(1);
      assertThat(model.gradient(0, 0)).isEqualTo(15.0);
    }
  }

  @Test
  void lossThatIsNoNumberIsTheRunsToJudge() {
    try (TaskModel model = model("nan", "1")) {
      assertThat(model.gradient(0, 0)).isNaN();
    }
  }

  @Test
  void sharedMemoryHasNoNameThatACrashCouldLeaveBehind() {
    try (TaskModel model = model("names", "1")) {
      assertThat(model.gradient(0, 0)).isZero();
    }
  }

  @Test
  void childEndsWithItsModel() {
    final long pid;
    try (TaskModel model = model("pid")) {
      pid = Long.parseLong(model.provenance().framework().getVersion());
      assertThat(ProcessHandle.of(pid)).isPresent();
    }
    assertThat(ProcessHandle.of(pid).filter(ProcessHandle::isAlive)).isEmpty();
  }

  @Test
  void samplesOfTheSpecsDataReachTheScript() {
    final RunSpec spec =
        spec("data.type=overlay", "data.directory=shipped:digits", "data.partners=1");
    try (TaskModel model = Models.prepare(spec, command("sample", "1")).get()) {
      final var data =
          io.gradstream.producer.data.DataSources.CATALOG.create(spec.data()).training();
      final int first =
          new io.gradstream.producer.data.MicroBatches(1, data.size(), 4).samples(3)[0];
      assertThat(model.gradient(0, 3)).isEqualTo(data.label(1, first));
      assertThat(model.provenance().data().common().size()).isEqualTo(32);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          no-hello   | ended with exit code 1; its last words: ModuleNotFoundError: No module named 'torch' (pip install torch
          no-tensors | described a model that is none: no tensors
          newer      | speaks revision 99
          sample     | data: neither the run spec nor the script has any
          """)
  void scriptThatCannotBeStartedIsOneLine(String behaviour, String message) {
    assertThatThrownBy(() -> model(behaviour))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message);
  }

  @Test
  void missingProgramIsOneLine() {
    final var nothing = new ModelCommand(List.of("no-such-program", SCRIPT), "model.command");
    assertThatThrownBy(() -> Models.prepare(spec(), nothing).get())
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(
            "model.command: no-such-program cannot be started (No such file or directory); give");
  }

  @Test
  void specThatAsksForMoreHeldOutSamplesThanThereAreIsRefused() {
    final RunSpec spec = spec("evaluation.every=5", "evaluation.samples=200");
    assertThatThrownBy(() -> Models.prepare(spec, command()).get())
        .isInstanceOf(UserError.class)
        .hasMessageContaining("evaluation.samples: 200, but 100 samples are held out");
  }

  @Test
  void commandOfASpecIsNotStarted() {
    final Path marker = directory.resolve("started");
    final RunSpec spec =
        RunSpec.parse(
            spec()
                .text()
                .replace("[nobody-starts-this]", "[touch, \"" + marker + "\"]")
                .replace("- nobody-starts-this", "- touch\n    - \"" + marker + "\""),
            "topic",
            List.of());
    assertThat(spec.text()).contains(marker.toString());
    assertThatThrownBy(() -> Models.prepare(spec).get())
        .isInstanceOf(UserError.class)
        .hasMessageContaining("name the command yourself");
    assertThat(Files.exists(marker)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tasks.1.batch-size=3", "tasks.1.micro-batches=3"})
  void scriptThatKnowsNothingOfUnequalTasksIsRefused(String override) {
    assertThatThrownBy(() -> Models.prepare(spec(override), command()).get())
        .isInstanceOf(UserError.class)
        .hasMessageContaining(
            "micro-batches, batch-size or data of their own, and the script does not know of that");
  }

  @Test
  void twoTasksOfOneOutputAreRefused() {
    assertThatThrownBy(() -> Models.prepare(spec("tasks.1.output=a"), command()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("tasks.1.output: a is already the output of tasks.0");
  }

  @Test
  void lossesAreTheScriptsOwn() {
    assertThatThrownBy(() -> Models.prepare(spec("tasks.1.loss=masked-l1"), command()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("give loss: given");
  }
}
