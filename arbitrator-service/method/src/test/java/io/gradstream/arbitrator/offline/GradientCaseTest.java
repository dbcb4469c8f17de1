package io.gradstream.arbitrator.offline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

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
        .hasMessage("case ragged: the rows of 'gradients' differ in length");
  }

  @Test
  void aMissingFieldIsTheUsersMistake() {
    assertThatThrownBy(() -> GradientCase.of(Map.of("id", "empty")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("case empty: 'steps' must be a list");
  }
}
