package io.gradstream.arbitrator.offline;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.offline.GradientCase.Step;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.proto.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Gives the gradients of one case to every resolver, each with its default options, so that their
 * answers can be read side by side.
 */
public final class MethodComparison {
  /**
   * The answer of one method to the case's last step, after it saw the steps before.
   *
   * @param method its name
   * @param weights N; empty where the method decides element by element or has no answer
   * @param norm length of the update; not a number where there is none
   * @param smallestCosine the smallest of the update's cosines with the tasks' gradients: below 0,
   *     the update works against a task; not a number where the update or all gradients are zero
   * @param note what the method said, such as its fallback or why it refuses; else empty
   */
  public record Row(
      String method, double[] weights, double norm, double smallestCosine, String note) {}

  private MethodComparison() {}

  /**
   * All methods' answers, in the order of the catalog. Method, parameters, variant and random
   * numbers of the case are left aside, but for a calibrator in our own words; methods that draw
   * draw by seed 0, and those of independent samples take the gradients for both where the case
   * gives none.
   */
  public static List<Row> of(GradientCase source) {
    Object calibrator = source.variant().isEmpty() ? source.params().get("calibrator") : null;
    Map<String, Object> params = calibrator == null ? Map.of() : Map.of("calibrator", calibrator);
    List<Step> steps =
        source.steps().stream()
            .map(step -> new Step(step.gradients(), step.losses(), samplesOf(step)))
            .toList();
    var rows = new ArrayList<Row>();
    for (String method : Resolvers.CATALOG.names()) {
      var one =
          new GradientCase(
              source.id(), method, "", params, Map.of(), new int[0], new double[0], steps);
      rows.add(row(one));
    }
    return rows;
  }

  private static Map<String, Object> samplesOf(Step step) {
    Object samples = step.inputs().get("samples");
    return samples == null ? Map.of() : Map.of("samples", samples);
  }

  private static Row row(GradientCase one) {
    Map<String, Object> answer;
    try {
      answer = CaseRunner.run(one).getLast();
    } catch (UserError e) {
      String why = String.valueOf(e.getMessage()).replace("case " + one.id() + ": ", "");
      return new Row(one.method(), new double[0], Double.NaN, Double.NaN, "refused: " + why);
    }
    double[] weights = answer.get("weights") instanceof double[] numbers ? numbers : new double[0];
    double[] update = answer.get("update") instanceof double[] numbers ? numbers : new double[0];
    double norm = Math.sqrt(DoubleVectors.dot(update, update));
    double smallest = Double.NaN;
    for (double[] gradient : one.steps().getLast().gradients()) {
      double length = Math.sqrt(DoubleVectors.dot(gradient, gradient));
      if (length > 0 && norm > 0) {
        double cosine = DoubleVectors.dot(update, gradient) / (length * norm);
        smallest = Double.isNaN(smallest) ? cosine : Math.min(smallest, cosine);
      }
    }
    String note =
        answer.containsKey("fallback")
            ? "%s (%s)".formatted(answer.get("fallback"), answer.get("fallback_code"))
            : weights.length == 0 ? "by element" : "";
    return new Row(one.method(), weights, norm, smallest, note);
  }
}
