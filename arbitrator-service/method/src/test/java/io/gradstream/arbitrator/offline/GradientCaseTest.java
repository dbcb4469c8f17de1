package io.gradstream.arbitrator.offline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.proto.UserError;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GradientCaseTest {
  private static final List<List<Integer>> OPPOSED = List.of(List.of(3, -1), List.of(-1, 1));

  @Test
  void ownNamesAndOptionsNeedNoVariant() {
    var json =
        Map.of(
            "id",
            "mine",
            "method",
            "gcond",
            "params",
            Map.of("projection", "hard", "calibrator", "none"),
            "steps",
            List.of(Map.of("gradients", OPPOSED)));

    Map<String, Object> answer = CaseRunner.run(GradientCase.of(json)).getFirst();

    assertThat(answer).containsKeys("weights", "update", "final_update", "zones");
    assertThat(answer.get("zones")).isEqualTo(List.of("hard"));
  }

  @Test
  void aCalibratorMayStandBeforeAnyResolver() {
    var calibrator = Map.of("method", "vargrad", "gamma", 0, "beta", 0.5);
    var json =
        Map.of(
            "id",
            "mine",
            "method",
            "sum",
            "params",
            Map.of("calibrator", calibrator),
            "steps",
            List.of(Map.of("gradients", OPPOSED)));

    Map<String, Object> answer = CaseRunner.run(GradientCase.of(json)).getFirst();

    assertThat(answer.get("update")).isEqualTo(new double[] {1, 0});
  }

  @Test
  void aRaggedMatrixIsTheUsersMistake() {
    var json =
        Map.of(
            "id", "ragged",
            "method", "sum",
            "steps", List.of(Map.of("gradients", List.of(List.of(1, 2), List.of(3)))));

    assertThatThrownBy(() -> GradientCase.of(json))
        .isInstanceOf(UserError.class)
        .hasMessage("case ragged: step 0: the rows of 'gradients' differ in length");
  }

  @Test
  void aMissingFieldIsTheUsersMistake() {
    assertThatThrownBy(() -> GradientCase.of(Map.of("id", "empty")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("case empty: 'steps' must be a list");
  }

  private static Map<String, ?> twoSteps(String method, List<?> first, List<?> second) {
    return Map.of(
        "id",
        "mine",
        "method",
        method,
        "steps",
        List.of(Map.of("gradients", first), Map.of("gradients", second)));
  }

  @Test
  void aTaskThatIsMissingInALaterStepIsNamed() {
    var three = List.of(List.of(1, 0), List.of(0, 1), List.of(1, 1));

    assertThatThrownBy(() -> GradientCase.of(twoSteps("gcond", three, OPPOSED)))
        .isInstanceOf(UserError.class)
        .hasMessage(
            "case mine: step 1: has gradients of 2 tasks, step 0 of 3; give every step a gradient"
                + " of every task");
  }

  @Test
  void gradientsThatChangeTheirSizeAreNamed() {
    var longer = List.of(List.of(1, 2, 3), List.of(2, 1, 3));

    assertThatThrownBy(() -> GradientCase.of(twoSteps("sum", OPPOSED, longer)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("step 1: has gradients of 3 values, step 0 of 2");
  }

  @Test
  void emptyRowsAndNumbersThatAreNoneAreNamed() {
    assertThatThrownBy(() -> GradientCase.of(twoSteps("sum", OPPOSED, List.of(List.of()))))
        .hasMessageContaining("step 1: 'gradients' has a row without values");
    assertThatThrownBy(() -> GradientCase.of(twoSteps("sum", List.of(List.of("NaN", 1)), OPPOSED)))
        .hasMessageContaining("step 0: 'gradients' must hold finite numbers, not NaN");
  }

  @ParameterizedTest
  @MethodSource("methods")
  void aMethodComputesWithoutLossesAsWithThemOrRefuses(String method) {
    var three = List.of(List.of(1, 0, 3), List.of(0, 1, -1), List.of(-1, 1, 0.5));
    var without = Map.of("gradients", three);
    var with = Map.of("gradients", three, "losses", List.of(3, 2, 1));
    var expected =
        CaseRunner.run(
            GradientCase.of(Map.of("id", "mine", "method", method, "steps", List.of(with, with))));
    try {
      var answers =
          CaseRunner.run(
              GradientCase.of(
                  Map.of("id", "mine", "method", method, "steps", List.of(without, without))));
      for (int step = 0; step < 2; step++) {
        assertThat(answers.get(step).get("update")).isEqualTo(expected.get(step).get("update"));
      }
    } catch (UserError e) {
      assertThat(e)
          .hasMessage(
              "case mine: step 0: the method looks at the losses, and there are none; give it"
                  + " \"losses\", one number per task");
    }
  }

  static List<String> methods() {
    return Resolvers.CATALOG.names();
  }

  @Test
  void methodsThatLearnFromLossesRefuseToDoWithout() {
    for (String method : List.of("si", "dwa", "uw", "famo", "stch", "gradnorm")) {
      assertThatThrownBy(() -> CaseRunner.run(GradientCase.of(twoSteps(method, OPPOSED, OPPOSED))))
          .as(method)
          .isInstanceOf(UserError.class)
          .hasMessageContaining("looks at the losses");
    }
  }
}
