package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Options of {@code gcond}. Where paper and public code differ, the default is what the paper says;
 * the public code is {@code scores: projected, stability: projected, norm-average: from-one,
 * dominance: overall, critical-loser: dropped, tolerance: 0, eps: 1e-8}.
 */
record GCondOptions(
    @Param(
            value = "smooth angles, three stepwise zones, or hard symmetric projections",
            defaultValue = "smooth")
        Projection projection,
    @Param(
            value = "cosines [critical, main, weak], rising, below which a zone begins",
            defaultValue = "[-0.8, -0.5, 0.0]",
            min = -1,
            max = 1)
        List<Double> thresholds,
    @Param(
            value = "power of the remapping between main and critical in smooth mode",
            defaultValue = "2.0",
            min = 0,
            exclusiveMin = true)
        double remapPower,
    @Param(
            value = "weights of [stability, strength] in a task's score",
            defaultValue = "[0.8, 0.2]",
            min = 0)
        List<Double> tieBreakingWeights,
    @Param(
            value =
                "scores of the gradients as accumulated (paper), or as projected so far in the"
                    + " round (public code)",
            defaultValue = "accumulated")
        Scores scores,
    @Param(
            value =
                "stability against the previous raw (paper) or projected (public code) gradient",
            defaultValue = "raw")
        StabilityReference stability,
    @Param(
            value = "decay of the norms' moving averages",
            defaultValue = "0.95",
            min = 0,
            max = 1,
            exclusiveMax = true)
        double normEmaBeta,
    @Param(
            value =
                "norms' averages corrected for their start, or from-one (public code), which"
                    + " favours large gradients in the first rounds",
            defaultValue = "corrected")
        NormAverage normAverage,
    @Param(
            value = "largest norm of a task's gradient before arbitration; none if absent",
            min = 0,
            exclusiveMin = true)
        @Nullable Double normCap,
    @Param(
            value = "wins in a row after which the other task wins once; 0 = never",
            defaultValue = "3",
            min = 0)
        int dominanceWindow,
    @Param(
            value =
                "counts wins that decided something, pair by pair, or every pass overall, whoever"
                    + " the other was (public code)",
            defaultValue = "pair")
        DominanceCount dominance,
    @Param(
            value = "in zones, what becomes of a critical conflict's loser",
            defaultValue = "projected")
        CriticalLoser criticalLoser,
    @Param(
            value = "largest number of projections in a round; 0 = twice the number of tasks",
            defaultValue = "0",
            min = 0,
            max = 4096)
        int maxIterations,
    @Param(
            value = "a cosine nearer than this to the weak threshold is no conflict",
            defaultValue = "1e-6",
            min = 0)
        double tolerance,
    @Param(
            value =
                "added to divisors; pairs with a squared norm below it are left alone; 0 makes the"
                    + " method independent of the gradients' scale",
            defaultValue = "0",
            min = 0)
        double eps) {

  GCondOptions {
    OptionChecks.size("thresholds", thresholds, 3, "[critical, main, weak]");
    OptionChecks.size("tie-breaking-weights", tieBreakingWeights, 2, "[stability, strength]");
    if (!(thresholds.get(0) < thresholds.get(1) && thresholds.get(1) < thresholds.get(2))) {
      throw new SpecError(
          "thresholds",
          "must rise from critical over main to weak, each above the one before, found "
              + thresholds);
    }
    thresholds = List.copyOf(thresholds);
    tieBreakingWeights = List.copyOf(tieBreakingWeights);
  }

  /** What the paper trained with (its table 5): no dominance window, at most three projections. */
  static GCondOptions paper(Projection projection) {
    return new GCondOptions(
        projection,
        List.of(-0.8, -0.5, 0.0),
        2,
        List.of(0.8, 0.2),
        Scores.ACCUMULATED,
        StabilityReference.RAW,
        0.95,
        NormAverage.CORRECTED,
        null,
        0,
        DominanceCount.PAIR,
        CriticalLoser.PROJECTED,
        3,
        1e-6,
        0);
  }

  double critical() {
    return thresholds.get(0);
  }

  double main() {
    return thresholds.get(1);
  }

  double weak() {
    return thresholds.get(2);
  }

  /** How a conflict is taken out of the gradients. */
  enum Projection {
    SMOOTH,
    ZONES,
    HARD
  }

  /** Which gradients are scored. */
  enum Scores {
    /** Those of the round: how steady and strong a task is does not change while it is decided. */
    ACCUMULATED,
    /** The gradients as the round's earlier projections have changed them. */
    PROJECTED
  }

  /** The gradient of the round before with which a gradient's stability is measured. */
  enum StabilityReference {
    /** The previous round's accumulated gradient, as the paper says. */
    RAW,
    /** The previous round's gradient after its projection, as the public code does. */
    PROJECTED
  }

  /** How the moving average of a task's norms begins. */
  enum NormAverage {
    /** The average begins at the first norm, so it does not depend on the gradients' scale. */
    CORRECTED,
    /** At 1, as in the public code. */
    FROM_ONE
  }

  /** Which wins fill the dominance window. */
  enum DominanceCount {
    /** Those over the same task, where the winner made a difference. */
    PAIR,
    /** All passes over all tasks. */
    OVERALL
  }

  /** What a critical conflict of the stepwise mode does to its loser. */
  enum CriticalLoser {
    /** It is projected off the winner, as the paper's table 1 says. */
    PROJECTED,
    /** It is dropped, as in the public code. */
    DROPPED
  }
}
