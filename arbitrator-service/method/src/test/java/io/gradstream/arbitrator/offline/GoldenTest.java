package io.gradstream.arbitrator.offline;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every method against what its public implementations answered, through the production classes.
 *
 * <p>Where a case has the exact solution of the method's own problem, that is the target, at its
 * tight tolerance; else the public answer at its own. Where the public answer is undefined ours
 * must be finite and say that it is a fallback.
 */
class GoldenTest {
  /** Field of the expected answer, and our field of the same meaning. */
  private static final Map<String, String> FIELDS =
      Map.ofEntries(
          Map.entry("weights", "weights"),
          Map.entry("weights_on_y", "weights"),
          Map.entry("weights_on_m", "weights"),
          Map.entry("update", "update"),
          Map.entry("simplex_weights", "simplex_weights"),
          Map.entry("rank", "rank"),
          Map.entry("softmax", "softmax"),
          Map.entry("imbalance", "imbalance"),
          Map.entry("logits_after", "logits_after"),
          Map.entry("logits", "logits"),
          Map.entry("loss_scale_after", "scales"),
          Map.entry("loss_scale_grad", "scale_gradient"),
          Map.entry("log_var_after", "log_variances"),
          Map.entry("log_var_grad", "log_variance_gradient"),
          Map.entry("targets_after", "targets"),
          Map.entry("log_scale_after", "log_scales"),
          Map.entry("log_scale_grad", "log_scale_gradient"),
          Map.entry("alpha", "alpha"),
          Map.entry("scores", "scores"),
          Map.entry("base_weights", "base_weights"),
          Map.entry("exact_update", "update"),
          Map.entry("exact_weights", "weights"),
          Map.entry("nadir", "nadir"),
          Map.entry("m", "calibrated"));

  /** Fields that are compared in another way, or that say something about the public run alone. */
  private static final Set<String> OTHERS =
      Set.of(
          "joint",
          "y_norms",
          "corrected",
          "task_weights",
          "margin",
          "public_converged",
          "objective",
          "feasible");

  static Stream<Golden> cases() {
    return GoldenFiles.METHODS.stream()
        .filter(method -> !Set.of("gcond", "nash_mtl").contains(method))
        .flatMap(method -> Golden.casesOf(method).stream());
  }

  static Stream<Golden> nashCases() {
    return Golden.casesOf("nash_mtl").stream();
  }

  @Test
  void noCaseIsSkipped() {
    assertThat(cases().count() + nashCases().count() + GCondGoldenTest.cases().size())
        .isEqualTo(502);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void answersAsThePublicImplementation(Golden golden) {
    if (golden.tooFewTasks()) {
      assertThat(CaseRunner.run(golden.gradientCase()))
          .allSatisfy(
              answer -> assertThat(String.valueOf(answer.get("refused"))).contains("or more"));
      return;
    }
    List<Map<String, Object>> answers = CaseRunner.run(golden.gradientCase());

    assertThat(answers).hasSize(golden.steps());
    for (int step = 0; step < answers.size(); step++) {
      String where = golden + " step " + step;
      Map<String, Object> answer = answers.get(step);
      assertFinite(where, answer);
      if (!golden.exact().isEmpty()) {
        assertExact(golden, where, answer);
      } else if (Boolean.TRUE.equals(golden.expected(step).get("undefined"))) {
        assertThat(answer.containsKey("fallback")).as(where).isNotEqualTo(golden.definedHere());
      } else {
        assertExpected(golden, step, where, answers);
      }
    }
  }

  private static void assertExact(Golden golden, String where, Map<String, Object> answer) {
    Map<String, Object> exact = golden.exact();
    if (Boolean.TRUE.equals(exact.get("undefined"))) {
      assertThat(answer).as(where).containsKey("fallback");
      return;
    }
    if (!golden.isNot("weights_unique")) {
      for (String field : List.of("simplex_weights", "weights")) {
        if (exact.containsKey(field)) {
          golden.assertClose(
              where + " " + field, answer.get(field), exact.get(field), "exact_tolerance", 0);
        }
      }
    }
    if (!golden.isNot("update_well_defined")) {
      golden.assertClose(
          where + " update",
          answer.get("update"),
          exact.get("update"),
          "exact_tolerance",
          golden.largestGradient(0));
    }
  }

  private static void assertExpected(
      Golden golden, int step, String where, List<Map<String, Object>> answers) {
    Map<String, Object> answer = answers.get(step);
    Map<String, Object> expected = golden.expected(step);
    expected.forEach(
        (field, value) -> {
          if (value == null || OTHERS.contains(field)) {
            return;
          }
          assertThat(FIELDS).as(where + ": an unknown field").containsKey(field);
          if (field.contains("weights") && golden.isNot("weights_unique")) {
            return;
          }
          boolean ofGradients = field.endsWith("update") || field.equals("m");
          golden.assertClose(
              where + " " + field,
              answer.get(FIELDS.get(field)),
              value,
              field.startsWith("exact_") ? "exact_tolerance" : "tolerance",
              ofGradients ? golden.largestGradient(step) : 0);
        });
    if (expected.get("joint") != null) {
      assertThat(answer.get("joint")).as(where).isEqualTo(expected.get("joint"));
    }
    if (Boolean.FALSE.equals(expected.get("feasible"))) {
      assertThat(answer).as(where).containsKey("fallback");
    }
    if (expected.get("y_norms") != null) {
      golden.assertClose(where, norms(answer.get("calibrated")), expected.get("y_norms"));
    }
  }

  /**
   * Nash-MTL: every step has its exact alpha and update, and says whether the previous one is kept.
   */
  @ParameterizedTest
  @MethodSource("nashCases")
  void bargainsToTheExactSolution(Golden golden) {
    List<Map<String, Object>> answers = CaseRunner.run(golden.gradientCase());

    for (int step = 0; step < answers.size(); step++) {
      Map<String, Object> expected = golden.expected(step);
      Map<String, Object> answer = answers.get(step);
      String where = golden + " step " + step;
      golden.assertClose(
          where, answer.get("alpha"), expected.get("exact_alpha"), "exact_tolerance", 0);
      golden.assertClose(
          where,
          answer.get("update"),
          expected.get("exact_update"),
          "exact_tolerance",
          golden.largestGradient(step));
      assertThat(answer.containsKey("fallback"))
          .as(where)
          .isEqualTo(expected.get("fallback_to_previous"));
    }
  }

  /** VarGrad's corrected gradient c = (m - beta m_prev) / (1 - beta), from zero. */
  @ParameterizedTest
  @MethodSource("paperCases")
  void correctsAsThePaperSays(Golden golden) {
    List<Map<String, Object>> answers = CaseRunner.run(golden.gradientCase());

    double[][] before = new double[golden.gradientCase().steps().getFirst().tasks()][];
    for (int step = 0; step < answers.size(); step++) {
      double beta = golden.betas()[step];
      double[][] m = rows(answers.get(step).get("calibrated"));
      double[][] corrected = new double[m.length][];
      for (int i = 0; i < m.length; i++) {
        corrected[i] = new double[m[i].length];
        for (int d = 0; d < m[i].length; d++) {
          double old = before[i] == null ? 0 : before[i][d];
          corrected[i][d] = (m[i][d] - beta * old) / (1 - beta);
        }
      }
      golden.assertClose(
          golden + " step " + step, corrected, golden.expected(step).get("corrected"));
      before = m;
    }
  }

  static Stream<Golden> paperCases() {
    return Golden.casesOf("vargrad").stream().filter(one -> one.variant().startsWith("paper"));
  }

  private static void assertFinite(String where, Map<String, Object> answer) {
    for (String field : List.of("weights", "update")) {
      if (answer.get(field) instanceof double[] numbers) {
        for (double number : numbers) {
          assertThat(number).as(where + " " + field).isFinite();
        }
      }
    }
  }

  private static List<Double> norms(@Nullable Object rows) {
    var norms = new ArrayList<Double>();
    for (double norm : GradientRows.norms(rows(rows))) {
      norms.add(norm);
    }
    return norms;
  }

  private static double[][] rows(@Nullable Object value) {
    assertThat(value).isInstanceOf(double[][].class);
    return (double[][]) value;
  }
}
