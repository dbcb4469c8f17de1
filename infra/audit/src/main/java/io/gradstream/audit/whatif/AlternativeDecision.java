package io.gradstream.audit.whatif;

import io.gradstream.proto.UserError;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A run's spec with another way to decide.
 *
 * <p>Only what the arbitrator decides by may differ: resolver, calibrator, momentum, clipping, the
 * tasks' weights and the seed of methods that draw. Anything else either has no effect on recorded
 * gradients, or would have led to other gradients.
 */
public final class AlternativeDecision {
  private static final Map<String, Function<RunSpec, @Nullable Object>> RECORDED =
      new LinkedHashMap<>();

  static {
    RECORDED.put("run", RunSpec::run);
    RECORDED.put("rounds", RunSpec::rounds);
    RECORDED.put(
        "tasks", spec -> spec.tasks().stream().map(AlternativeDecision::unweighted).toList());
    RECORDED.put("keys", RunSpec::keys);
    RECORDED.put("accumulation", RunSpec::accumulation);
    RECORDED.put("model", RunSpec::model);
    RECORDED.put("data", RunSpec::data);
    RECORDED.put("selection", RunSpec::selection);
    RECORDED.put("max-norm-ratio", RunSpec::maxNormRatio);
    RECORDED.put("optimizer", RunSpec::optimizer);
    RECORDED.put("schedule", RunSpec::schedule);
    RECORDED.put("scope", RunSpec::scope);
    RECORDED.put("evaluation", RunSpec::evaluation);
    RECORDED.put("compute", RunSpec::compute);
    RECORDED.put("transport", RunSpec::transport);
    RECORDED.put("orders", RunSpec::orders);
  }

  private AlternativeDecision() {}

  private static List<Object> unweighted(TaskSpec task) {
    return List.of(task.name(), task.loss());
  }

  /**
   * The run that would decide otherwise.
   *
   * @param resolver name of a method; that of the run itself keeps its options
   * @param assignments {@code key.path=value}, applied after the resolver
   * @throws UserError if an assignment is wrong, or changes what recorded gradients depend on
   */
  public static RunDescription of(RunDescription run, String resolver, List<String> assignments) {
    final var overrides = new ArrayList<String>();
    if (!resolver.equals(run.spec().resolver().kind())) {
      overrides.add("resolver=" + resolver);
    }
    overrides.addAll(assignments);
    final RunSpec spec =
        RunSpec.parse(run.spec().text(), "the spec of run " + run.spec().run(), overrides);
    RECORDED.forEach(
        (key, part) -> {
          if (!Objects.equals(part.apply(run.spec()), part.apply(spec))) {
            throw new UserError(
                "--set: %s was part of how the gradients came about and cannot be another afterwards;"
                        .formatted(key)
                    + " replay changes resolver, calibrator, momentum, clip-norm, seed and the tasks'"
                    + " weights");
          }
        });
    return RunDescription.of(spec, run.manifest());
  }
}
