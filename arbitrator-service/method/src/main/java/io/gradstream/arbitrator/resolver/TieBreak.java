package io.gradstream.arbitrator.resolver;

import java.util.ArrayList;
import java.util.List;

/**
 * GCond's answer to who wins a conflict (its section 3.3): the task whose gradient is stable
 * against the previous round and strong against its own average norm.
 *
 * <p>A task's score is w1 * max(S, 0) + w2 * N with S the cosine with its gradient of the previous
 * round and N its norm over its moving average, relative to the other's; the earlier task wins a
 * tie. When one of the two has won the last {@code dominance-window} arbitrations, whomever
 * against, the other wins. Both scores follow the gradients as they are projected, as in the public
 * code.
 *
 * <p>Mutable, confined to one call of {@link GCond}.
 */
final class TieBreak {
  private final GCondOptions options;
  private final ProjectedGradients gradients;
  private final double[] previousNorms;
  private final double[] emas;
  private final List<Integer> history = new ArrayList<>();

  TieBreak(
      GCondOptions options,
      ProjectedGradients gradients,
      double[] previousNorms,
      double[] emas,
      double[] history) {
    this.options = options;
    this.gradients = gradients;
    this.previousNorms = previousNorms;
    this.emas = emas;
    for (double winner : history) {
      this.history.add((int) winner);
    }
  }

  /** The last winners, oldest first, at most {@code dominance-window} of them. */
  double[] history() {
    return history.stream().mapToDouble(Integer::doubleValue).toArray();
  }

  /** Decides between two tasks and remembers the winner. */
  Arbitration decide(int first, int second, double cosine, Zone zone) {
    double firstScore = score(first, second);
    double secondScore = score(second, first);
    int winner = secondScore > firstScore ? second : first;
    boolean forced = false;
    if (wonThroughout(first)) {
      forced = winner == first;
      winner = second;
    } else if (wonThroughout(second)) {
      forced = winner == second;
      winner = first;
    }
    remember(winner);
    return new Arbitration(first, second, cosine, zone, winner, firstScore, secondScore, forced);
  }

  private boolean wonThroughout(int task) {
    int window = options.dominanceWindow();
    return window > 0
        && history.size() == window
        && history.stream().allMatch(winner -> winner == task);
  }

  private void remember(int winner) {
    if (options.dominanceWindow() == 0) {
      return;
    }
    if (history.size() == options.dominanceWindow()) {
      history.removeFirst();
    }
    history.add(winner);
  }

  private double score(int task, int other) {
    double stability =
        gradients.productWithPrevious(task)
            / (gradients.norm(task) * previousNorms[task] + options.eps());
    double own = relativeNorm(task);
    double strength = own / (own + relativeNorm(other) + options.eps());
    return options.tieBreakingWeights().get(0) * Math.max(stability, 0)
        + options.tieBreakingWeights().get(1) * strength;
  }

  private double relativeNorm(int task) {
    return gradients.norm(task) / (emas[task] + options.eps());
  }
}
