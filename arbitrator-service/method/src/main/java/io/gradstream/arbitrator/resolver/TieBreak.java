package io.gradstream.arbitrator.resolver;

/**
 * GCond's answer to who wins a conflict (its section 3.3): the task whose gradient is stable
 * against the previous round and strong against its own average norm.
 *
 * <p>A task's score is w1 * max(S, 0) + w2 * N with S the cosine with its gradient of the previous
 * round and N its norm over its moving average, relative to the other's; the earlier task wins a
 * tie. A task that has won too often in a row loses ({@link Dominance}).
 *
 * <p>Both scores are those of the accumulated gradients, or with {@code scores: projected} follow
 * the gradients as the round's projections change them.
 *
 * <p>Mutable, confined to one call of {@link GCond}.
 */
final class TieBreak {
  /** Scores that differ by less are equal but for rounding: in the first round all are. */
  private static final double TIE = 1e-12;

  private final GCondOptions options;
  private final ProjectedGradients scored;
  private final double[] previousNorms;
  private final double[] averages;
  private final Dominance dominance;

  /**
   * @param scored the gradients whose scores count; looked at when a conflict is decided
   * @param averages N average norms
   */
  TieBreak(
      GCondOptions options,
      ProjectedGradients scored,
      double[] previousNorms,
      double[] averages,
      Dominance dominance) {
    this.options = options;
    this.scored = scored;
    this.previousNorms = previousNorms;
    this.averages = averages;
    this.dominance = dominance;
  }

  /** Decides between two tasks and remembers the winner. */
  Arbitration decide(int first, int second, double cosine, Zone zone) {
    double firstScore = score(first, second);
    double secondScore = score(second, first);
    int winner = secondScore > firstScore + TIE ? second : first;
    boolean forced = false;
    if (dominance.wonTooOften(first, second)) {
      forced = winner == first;
      winner = second;
    } else if (dominance.wonTooOften(second, first)) {
      forced = winner == second;
      winner = first;
    }
    dominance.won(winner, winner == first ? second : first);
    return new Arbitration(first, second, cosine, zone, winner, firstScore, secondScore, forced);
  }

  private double score(int task, int other) {
    double stability =
        ratio(scored.productWithPrevious(task), scored.norm(task) * previousNorms[task]);
    double own = relativeNorm(task);
    double strength = ratio(own, own + relativeNorm(other));
    return options.tieBreakingWeights().get(0) * Math.max(stability, 0)
        + options.tieBreakingWeights().get(1) * strength;
  }

  private double relativeNorm(int task) {
    return ratio(scored.norm(task), averages[task]);
  }

  private double ratio(double part, double whole) {
    double divisor = whole + options.eps();
    return divisor > 0 ? part / divisor : 0;
  }
}
