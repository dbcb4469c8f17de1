package io.gradstream.arbitrator.offline;

import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.offline.GradientCase.Step;
import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.arbitrator.resolver.SquareSums;
import io.gradstream.arbitrator.selection.SelectiveOptimization;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.SpecError;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs one {@link GradientCase} through the production calibrators and resolvers, in float64, and
 * shows for each step what they decided and what the update is.
 *
 * <p>Mutable, for one case and one thread.
 */
public final class CaseRunner {
  private final GradientCase source;
  private final LibraryParameterMapping translation;
  private final @Nullable Resolver resolver;
  private final @Nullable SelectiveOptimization gate;
  private final IntegratedMomentum momentum;
  private final double[][] memories;
  private final double[][] squares;

  private MethodState state = MethodState.EMPTY;
  private MethodState gateState = MethodState.EMPTY;
  private double[][] previous = new double[0][];

  private CaseRunner(GradientCase source) {
    this.source = source;
    this.translation = new LibraryParameterMapping(source);
    int tasks = source.steps().getFirst().tasks();
    int size = source.steps().getFirst().size();
    Section section = translation.resolver();
    this.resolver = section == null ? null : Resolvers.create(section, draws(source));
    if (resolver != null) {
      state = resolver.initialState(tasks);
    }
    Section gateSection = translation.gate();
    this.gate =
        gateSection == null
            ? null
            : new SelectiveOptimization(gateSection.bind(SelectiveOptimization.Options.class));
    if (gate != null) {
      gateState = gate.initialState(tasks);
    }
    this.momentum = new IntegratedMomentum(source);
    this.memories = memories(source, tasks, size);
    this.squares = new double[tasks][size];
  }

  /**
   * Runs a case.
   *
   * @return one map a step, from field name to numbers, texts, arrays or lists of them: {@code
   *     weights} (where the method has them), {@code update}, and what else the method has to tell
   * @throws UserError if the method or a parameter is unknown or out of range
   */
  public static List<Map<String, Object>> run(GradientCase source) {
    try {
      return new CaseRunner(source).run();
    } catch (IllegalArgumentException e) {
      if (e instanceof SpecError && !source.variant().isEmpty()) {
        // A case that the public implementation refuses too must not stop the other cases of its
        // file.
        return Collections.nCopies(source.steps().size(), Map.of("refused", e.getMessage()));
      }
      throw new UserError("case " + source.id() + ": " + e.getMessage());
    }
  }

  private List<Map<String, Object>> run() {
    var answers = new ArrayList<Map<String, Object>>();
    for (int index = 0; index < source.steps().size(); index++) {
      try {
        answers.add(answer(index, source.steps().get(index)));
      } catch (IllegalStateException e) {
        throw new UserError(
            "case %s: step %d: %s; give it \"losses\", one number per task"
                .formatted(source.id(), index, e.getMessage()),
            e);
      }
    }
    return answers;
  }

  private Map<String, Object> answer(int index, Step step) {
    var answer = new LinkedHashMap<String, Object>();
    if (openGate(step, answer)) {
      resolve(LibraryParameterMapping.round(index, step), step, answer);
    } else {
      double[] ones = new double[step.tasks()];
      Arrays.fill(ones, 1);
      answer.put("update", GradientRows.combine(ones, step.gradients()));
    }
    learnAfterStep(step, answer);
    return answer;
  }

  /** Whether the step is resolved from per-task gradients. */
  private boolean openGate(Step step, Map<String, Object> answer) {
    if (gate == null) {
      return true;
    }
    SelectiveOptimization.Gate decision = gate.decide(required(step, "the gate"), gateState);
    gateState = decision.state();
    answer.put("joint", decision.joint());
    answer.put("imbalance", decision.ratio());
    answer.put("logits", decision.logits());
    return decision.joint();
  }

  private void resolve(long round, Step step, Map<String, Object> answer) {
    double[][] gradients = GradientRows.copy(step.gradients());
    calibrate(round, step, gradients, answer);
    if (resolver == null) {
      return;
    }
    Resolution resolution =
        resolver.resolve(statistics(round, step, gradients), translation.given(step, state));
    state = resolution.state();
    double[] update = new double[step.size()];
    if (resolver instanceof ElementwiseResolver elementwise) {
      elementwise.combine(0, round, 0, gradients, update);
    } else {
      update = GradientRows.combine(resolution.weights(), gradients);
      answer.put("weights", resolution.weights());
    }
    answer.put("update", update);
    if (source.method().startsWith("gcond")) {
      answer.put("final_update", momentum.apply(update));
    }
    CaseAnswer.describe(source.method(), resolution, answer);
    previous = gradients;
  }

  private void calibrate(long round, Step step, double[][] gradients, Map<String, Object> answer) {
    var calibrator = Calibrators.create(translation.calibrator(step));
    if (!calibrator.remembers()) {
      return;
    }
    if (calibrator.readsVariance()) {
      throw new UserError(
          "case %s: the calibrator reads the noise of micro-batches, and a case has none"
              .formatted(source.id()));
    }
    // A calibrator that does not look at norms does not look at losses either.
    double[] losses =
        calibrator.needsNorms() ? required(step, "the calibrator") : new double[step.tasks()];
    var calibration = calibrator.calibrate(round, GradientRows.norms(gradients), losses);
    for (int i = 0; i < gradients.length; i++) {
      calibration.apply(i, gradients[i], memories[i]);
    }
    answer.put("calibrated", GradientRows.copy(gradients));
  }

  private RoundStatistics statistics(long round, Step step, double[][] gradients) {
    int tasks = step.tasks();
    double[][] gram = GradientRows.products(gradients, gradients);
    double[][][] samples = step.samples();
    return new RoundStatistics(
        round,
        tasks,
        gram,
        previous.length == 0
            ? new double[tasks][tasks]
            : GradientRows.products(gradients, previous),
        known(step.losses()),
        0,
        samples.length == 0 ? gram : GradientRows.products(samples[0], samples[1]),
        SquareSums.next(squares, gradients));
  }

  private void learnAfterStep(Step step, Map<String, Object> answer) {
    double[] losses = step.numbers("losses_after_step");
    if (losses == null) {
      return;
    }
    if (gate != null) {
      gateState = gate.afterStep(losses, gateState);
    } else if (resolver != null) {
      state = resolver.afterStep(losses, state);
      if (state.has("logits")) {
        answer.put("logits_after", state.get("logits"));
      }
    }
  }

  private static double[] known(double @Nullable [] losses) {
    return losses == null ? new double[0] : losses;
  }

  private static double[] required(Step step, String who) {
    double[] losses = step.losses();
    if (losses == null) {
      throw new IllegalStateException(who + " looks at the losses, and there are none");
    }
    return losses;
  }

  private static RecordedRandomSource draws(GradientCase source) {
    var steps = new HashMap<Long, Step>();
    for (int index = 0; index < source.steps().size(); index++) {
      Step step = source.steps().get(index);
      steps.put(LibraryParameterMapping.round(index, step), step);
    }
    return new RecordedRandomSource(steps);
  }

  /** VarGrad's memory is m - gamma g of the step before; all others start at zero. */
  private static double[][] memories(GradientCase source, int tasks, int size) {
    double[][] memories = new double[tasks][size];
    Object m = source.initialState().get("m");
    Object before = source.initialState().get("prev_gradients");
    if (m == null || before == null) {
      return memories;
    }
    double gamma = source.params().get("gamma") instanceof Number number ? number.doubleValue() : 1;
    double[][] momenta = GradientCase.rowsOf("initial_state.m", m);
    double[][] gradients = GradientCase.rowsOf("initial_state.prev_gradients", before);
    for (int i = 0; i < tasks; i++) {
      for (int d = 0; d < size; d++) {
        memories[i][d] = momenta[i][d] - gamma * gradients[i][d];
      }
    }
    return memories;
  }
}
