package io.gradstream.producer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModelsTest {
  private static final String MAE = "{type: mae}";
  private static final String DIGITS = "{type: idx, directory: 'shipped:digits'}";
  private static final String QUADRATICS =
      "[{name: a, loss: quadratic}, {name: b, loss: quadratic}]";

  @Test
  void toyOfQuadraticsHasSharedAndOwnTensors() {
    RunSpec spec =
        spec("{type: toy, dimension: 10, own-dimension: 3, tensors: 2}", "none", QUADRATICS);
    try (TaskModel model = Models.create(spec)) {
      assertThat(model.tensors())
          .extracting(tensor -> tensor.name() + " " + tensor.size())
          .containsExactly("shared.0 5", "shared.1 5", "own.a 3", "own.b 3");
    }
  }

  @Test
  void tasksAreTheLandscapesLossesInTheirOrder() {
    String tasks = "[{name: a, loss: landscape}, {name: b, loss: landscape}]";
    try (TaskModel model = Models.create(spec("{type: toy, start: [9, 9]}", "none", tasks))) {
      model.initialize(1);
      double[] losses = model.validate(1).losses();
      assertThat(losses).hasSize(2);
      assertThat(losses[0]).isNotEqualTo(losses[1]);
    }
  }

  @Test
  void mistakesAreSaidInOneLineWithTheirPlace() {
    String l1 = "[{name: a, loss: masked-l1}]";
    refused(MAE, DIGITS, "[{name: a, loss: masked-l2}]", "loss", "masked-l2", "masked-l1");
    refused(MAE, "none", l1, "data", "trains on images");
    refused(MAE, "{type: idx, directory: /nowhere}", l1, "data.directory", "/nowhere");
    refused(MAE, "{type: idx, directory: 'shipped:digits', held-out: 10000}", l1, "held-out");
    refused("{type: mae, patch-size: 5}", DIGITS, l1, "model.patch-size", "28 x 28");
    refused("{type: mae, width: 30}", DIGITS, l1, "model.width", "30", "heads (4)");
    refused("{type: mea}", DIGITS, l1, "mea", "mae");
    refused("toy", DIGITS, QUADRATICS, "data", "takes no data");
    refused("{type: toy, tensors: 3}", "none", QUADRATICS, "tensors", "dimension (2)");
    refused("{type: toy, dimension: 3}", "none", "[{name: a, loss: landscape}]", "3");
    refused(
        "toy",
        "none",
        "[{name: a, loss: {type: landscape}}, {name: b, loss: landscape}, {name: c, loss: landscape}]",
        "landscape has tasks 0 and 1");
    refused(MAE, DIGITS, "[{name: a, loss: {type: masked-ssim, window: 4}}]", "window", "not odd");
  }

  @Test
  void deviceThatIsNotThereIsRefused() {
    RunSpec spec =
        RunSpec.parse(
            text(MAE, DIGITS, "[{name: a, loss: masked-l1}]") + "compute: {device: 'gpu:99'}\n",
            "test.yaml",
            List.of());
    assertThatThrownBy(() -> Models.create(spec))
        .isInstanceOf(UserError.class)
        .hasMessageMatching(
            "device gpu:99 \\(compute.device, or --device\\): PyTorch 2\\.7\\.1 sees \\d+ GPUs here; cpu always works");
  }

  private static void refused(String model, String data, String tasks, String... said) {
    assertThatThrownBy(() -> Models.create(spec(model, data, tasks)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("test.yaml:")
        .hasMessageContainingAll(said)
        .message()
        .doesNotContain("\n");
  }

  private static RunSpec spec(String model, String data, String tasks) {
    return RunSpec.parse(text(model, data, tasks), "test.yaml", List.of());
  }

  private static String text(String model, String data, String tasks) {
    return """
        run: test
        rounds: 1
        tasks: %s
        model: %s
        data: %s
        resolver: sum
        optimizer: sgd
        """
        .formatted(tasks, model, data);
  }
}
