package io.gradstream.producer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tasks with data and batches of their own, by each kind of model that reads stored data. */
class TaskDataTest {
  private static final String FEW = "{type: %s, directory: 'shipped:digits', held-out: 9900}";
  private static final String MORE = "{type: %s, directory: 'shipped:digits', held-out: 9800}";

  /** A kind of model, on data of some type. */
  enum Kind {
    MAE(
        "idx",
        "{type: mae, width: 8, heads: 2, encoder-layers: 1, decoder-width: 8, decoder-layers: 1}",
        "masked-l1",
        ""),
    ONNX("overlay", "{type: onnx, file: mlp.onnx}", "given", "onnx/mlp.onnx"),
    TORCHSCRIPT(
        "overlay",
        "{type: torchscript, file: heads.pt, inputs: [image], outputs: [left, right]}",
        "cross-entropy",
        "torchscript/heads.pt"),
    ;

    private final String type;
    private final String model;
    private final String loss;
    private final String file;

    Kind(String type, String model, String loss, String file) {
      this.type = type;
      this.model = model;
      this.loss = loss;
      this.file = file;
    }

    private String data(String text) {
      return type.equals("overlay")
          ? text.formatted(type).replace("}", ", shift: 0, partners: 1}")
          : text.formatted(type);
    }

    private String task(String name, String more) {
      final String target =
          loss.equals("cross-entropy") ? ", target: %s-digit".formatted(name) : "";
      return "{name: %s, loss: %s%s%s}".formatted(name, loss, target, more);
    }

    private TaskModel model(String accumulation, String data, String left, String right) {
      final RunSpec spec =
          RunSpec.parse(
              """
              run: test
              seed: 1
              rounds: 1
              tasks: [%s, %s]
              accumulation: %s
              model: %s
              data: %s
              resolver: sum
              optimizer: sgd
              evaluation: {every: 0}
              """
                  .formatted(task("left", left), task("right", right), accumulation, model, data),
              "test.yaml",
              List.of());
      final ModelFile content = file.isEmpty() ? ModelFile.NONE : TestFiles.file(file);
      final TaskModel made = Models.prepare(spec, ModelCommand.NONE, content).get();
      made.initialize(1);
      return made;
    }
  }

  private record Computed(double loss, byte[] gradient) {
    static Computed of(TaskModel model, int task, long microBatch) {
      final double loss = model.gradient(task, microBatch);
      return new Computed(loss, model.gradient().toArray(ValueLayout.JAVA_BYTE));
    }

    void requireSame(Computed other) {
      assertThat(other.loss).isEqualTo(loss);
      assertThat(other.gradient).isEqualTo(gradient);
    }

    void requireOther(Computed other) {
      assertThat(other.gradient).isNotEqualTo(gradient);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aTasksGradientsAndLossesAreThoseOfItsOwnDataAndSize(Kind kind) {
    final String own = ", batch-size: 6, data: " + kind.data(MORE);
    try (TaskModel both = kind.model("{batch-size: 3}", kind.data(FEW), "", own);
        TaskModel few = kind.model("{batch-size: 3}", kind.data(FEW), "", "");
        TaskModel more = kind.model("{batch-size: 6}", kind.data(MORE), "", "")) {
      for (final long microBatch : List.of(0L, 5L, 40L)) {
        Computed.of(few, 0, microBatch).requireSame(Computed.of(both, 0, microBatch));
        Computed.of(more, 1, microBatch).requireSame(Computed.of(both, 1, microBatch));
        Computed.of(few, 1, microBatch).requireOther(Computed.of(both, 1, microBatch));
      }
      final TaskModel.Validation validated = both.validate(20);
      assertThat(validated.samples()).isEqualTo(20);
      assertThat(validated.losses()[0]).isEqualTo(few.validate(20).losses()[0]);
      assertThat(validated.losses()[1]).isEqualTo(more.validate(20).losses()[1]);
      assertThat(both.provenance().data())
          .isEqualTo(
              new DataDigests(
                  few.provenance().data().common(),
                  List.of(few.provenance().data().common(), more.provenance().data().common())));
      assertThat(few.provenance().data().ofTasks()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void equalKeysGivenForEachTaskChangeNoBit(Kind kind) {
    final String own = ", micro-batches: 2, batch-size: 3, data: %s".formatted(kind.data(FEW));
    try (TaskModel common =
            kind.model(
                "{mode: stochastic, micro-batches: 4, batch-size: 3}", kind.data(FEW), "", "");
        TaskModel each = kind.model("{mode: stochastic}", "none", own, own)) {
      for (int task = 0; task < 2; task++) {
        Computed.of(common, task, 7).requireSame(Computed.of(each, task, 7));
      }
      assertThat(each.validate(20)).usingRecursiveComparison().isEqualTo(common.validate(20));
    }
  }

  @Test
  void aModelWithoutDataSaysSo() {
    final RunSpec spec =
        RunSpec.parse(
            """
            run: test
            rounds: 1
            tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic, data: idx}]
            model: toy
            resolver: sum
            optimizer: sgd
            """,
            "test.yaml",
            List.of());

    assertThatThrownBy(() -> Models.create(spec))
        .isInstanceOf(UserError.class)
        .hasMessage("tasks.1.data: model toy takes no data; leave this key out");
  }

  @Test
  void aTaskWithTooFewHeldOutSamplesOrImagesOfAnotherSizeIsNamed() {
    final String large =
        ", data: {type: overlay, directory: 'shipped:digits', held-out: 9900, shift: 4}";

    assertThatThrownBy(() -> Kind.MAE.model("{}", Kind.MAE.data(FEW), "", large))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(
            "tasks.1.data.directory: images of 32 x 32 pixels, and those of task left have 28 x 28");
    assertThatThrownBy(() -> Kind.ONNX.model("{}", Kind.ONNX.data(FEW), "", large))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("takes field image with shape");
    final String short_ = ", data: {type: idx, directory: 'shipped:digits', held-out: 10}";
    final RunSpec spec =
        RunSpec.parse(
            """
            run: test
            rounds: 1
            tasks: [{name: a, loss: masked-l1}, {name: b, loss: masked-l1%s}]
            model: mae
            data: {type: idx, directory: 'shipped:digits'}
            resolver: sum
            optimizer: sgd
            evaluation: {every: 1, samples: 11}
            """
                .formatted(short_),
            "test.yaml",
            List.of());
    assertThatThrownBy(() -> Models.create(spec))
        .isInstanceOf(UserError.class)
        .hasMessage(
            "evaluation.samples: 11, but 10 samples are held out; give at most so many, or a larger tasks.1.data.held-out");
  }
}
