package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Options of {@code gcond}. */
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
            value = "decay of the norms' moving averages",
            defaultValue = "0.95",
            min = 0,
            max = 1,
            exclusiveMax = true)
        double normEmaBeta,
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
            value = "most projections in a round; 0 = twice the number of tasks",
            defaultValue = "0",
            min = 0)
        int maxIterations,
    @Param(
            value =
                "stability against the previous raw (paper) or projected (public code) gradient",
            defaultValue = "raw")
        StabilityReference stability,
    @Param(
            value = "keeps divisions finite; pairs with a squared norm below it are left alone",
            defaultValue = "1e-8",
            min = 0,
            exclusiveMin = true)
        double eps) {

  GCondOptions {
    Checks.size("thresholds", thresholds, 3, "[critical, main, weak]");
    Checks.size("tie-breaking-weights", tieBreakingWeights, 2, "[stability, strength]");
    if (!(thresholds.get(0) < thresholds.get(1) && thresholds.get(1) < thresholds.get(2))) {
      throw new SpecError(
          "thresholds",
          "must rise from critical over main to weak, each above the one before, found "
              + thresholds);
    }
    thresholds = List.copyOf(thresholds);
    tieBreakingWeights = List.copyOf(tieBreakingWeights);
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

  /** What a gradient's stability is measured against. */
  enum StabilityReference {
    /** The previous round's accumulated gradient, as the paper says. */
    RAW,
    /** The previous round's gradient after its projection, as the public code does. */
    PROJECTED
  }
}
