package io.gradstream.arbitrator.selection;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.resolver.Famo;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * VarGrad's gate (SMO): whether a round needs per-task gradients at all (VarGrad, section 3.3, Eq.
 * 13 to 15; checked against singularity119/VarGrad).
 *
 * <p>FAMO runs on the losses alone. While the largest of its softmax weights is at most tau times
 * the smallest, the tasks are balanced and one gradient of the summed loss serves; else the round
 * is joint, with one gradient per task. The first round is joint. State: FAMO's, and {@code
 * gate-rounds}.
 */
public final class SelectiveOptimization {
  private static final String ROUNDS = "gate-rounds";

  /** Options of the gate. */
  public record Options(
      @Param(
              value = "largest ratio of FAMO's weights at which a round is not joint",
              defaultValue = "1.5",
              min = 1)
          double tau,
      @Param(
              value = "step size of FAMO's logits",
              defaultValue = "0.025",
              min = 0,
              exclusiveMin = true)
          double learningRate,
      @Param(value = "decay of FAMO's logits", defaultValue = "0.001", min = 0) double weightDecay,
      @Param(value = "the tasks' smallest possible losses; all 0 if absent")
          @Nullable List<Double> minLosses) {}

  /**
   * What the gate decided.
   *
   * @param joint whether the round needs one gradient per task
   * @param ratio largest over smallest weight; infinite in the first round
   * @param logits N, FAMO's logits
   * @param state for the next round
   */
  public record Gate(boolean joint, double ratio, double[] logits, MethodState state) {}

  private final double tau;
  private final Famo famo;

  public SelectiveOptimization(Options options) {
    this.tau = options.tau();
    this.famo =
        new Famo(
            new Famo.Options(options.learningRate(), options.weightDecay(), options.minLosses()));
  }

  /** What the gate remembers before the first round. */
  public MethodState initialState(int tasks) {
    return famo.initialState(tasks).with(ROUNDS, 0);
  }

  /**
   * Decides a round.
   *
   * @param losses N: the round's own where they are known beforehand, in a stream the last known
   *     ones
   */
  public Gate decide(double[] losses, MethodState state) {
    double rounds = state.number(ROUNDS);
    MethodState now = famo.afterStep(losses, state);
    double[] logits = now.get(Famo.LOGITS);
    double ratio =
        rounds == 0 ? Double.POSITIVE_INFINITY : Famo.imbalance(DoubleVectors.softmax(logits));
    MethodState next = now.with(Famo.BEFORE, losses).with(ROUNDS, rounds + 1);
    return new Gate(ratio > tau, ratio, logits, next);
  }

  /**
   * Tells the gate the losses after the step on the same batch, if they were measured: the public
   * code compares the next round's losses with these, and not with the losses before the step.
   */
  public MethodState afterStep(double[] lossesAfterStep, MethodState state) {
    return state.with(Famo.BEFORE, lossesAfterStep);
  }
}
