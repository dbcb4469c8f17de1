package io.gradstream.audit.replay;

import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.VerdictGram;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * A round as it was decided and as the alternative would have decided it, at the same weights.
 *
 * @param round the round
 * @param cosine between the recorded and the alternative update, momentum included; 1 where both
 *     vanish, 0 where one does
 * @param normRatio norm of the alternative update over that of the recorded; 1 where both vanish
 * @param difference norm of their difference over that of the recorded; exactly 0 for the same bits
 * @param decisionDiffers whether the tasks got other shares of the weighted sum, or other pairs
 *     were arbitrated, or with another zone or winner
 * @param recorded the verdict on the log
 * @param alternative the verdict instead
 */
public record Comparison(
    long round,
    double cosine,
    double normRatio,
    double difference,
    boolean decisionDiffers,
    Verdict recorded,
    Verdict alternative) {
  /** Shares nearer to each other differ by rounding. */
  private static final double SAME_SHARE = 1e-9;

  /** Square of the update's norm over the gradients', below which nothing moves in float32. */
  private static final double COLLAPSED = 1e-18;

  /**
   * Compares two verdicts and what became of them.
   *
   * @param products squared norm of the recorded update, inner product, squared norm of the other
   * @param differenceSquared squared norm of the updates' difference
   */
  static Comparison of(
      Verdict recorded, Verdict alternative, double[] products, double differenceSquared) {
    final double own = Math.sqrt(products[0]);
    final double other = Math.sqrt(products[2]);
    final boolean bothVanish = own == 0 && other == 0;
    final double cosine =
        bothVanish
            ? 1
            : own == 0 || other == 0
                ? 0
                : Math.clamp(products[1] / Math.sqrt(products[0] * products[2]), -1, 1);
    return new Comparison(
        recorded.getRound(),
        cosine,
        bothVanish ? 1 : other / own,
        bothVanish ? 0 : Math.sqrt(differenceSquared) / own,
        decisionDiffers(recorded, alternative, differenceSquared > 0),
        recorded,
        alternative);
  }

  private static boolean decisionDiffers(Verdict recorded, Verdict other, boolean updatesDiffer) {
    if (recorded.getWeightsCount() == 0 || recorded.getWeightsCount() != other.getWeightsCount()) {
      return updatesDiffer; // by element, of the summed loss, or of other groups
    }
    return sharesDiffer(recorded.getWeightsList(), other.getWeightsList())
        || (recorded.getResolver().equals(other.getResolver())
            && !decisions(recorded).equals(decisions(other)));
  }

  private static boolean sharesDiffer(List<Double> weights, List<Double> others) {
    final double sum = weights.stream().mapToDouble(Math::abs).sum();
    final double otherSum = others.stream().mapToDouble(Math::abs).sum();
    for (int task = 0; task < weights.size() && sum > 0 && otherSum > 0; task++) {
      if (Math.abs(weights.get(task) / sum - others.get(task) / otherSum) > SAME_SHARE) {
        return true;
      }
    }
    return sum > 0 != otherSum > 0;
  }

  private record Decision(int group, int first, int second, String zone, int winner) {}

  private static List<Decision> decisions(Verdict verdict) {
    return verdict.getArbitrationsList().stream()
        .map(
            pair ->
                new Decision(
                    pair.getGroup(),
                    pair.getFirst(),
                    pair.getSecond(),
                    pair.getZone(),
                    pair.getWinner()))
        .toList();
  }

  /**
   * Whether next to nothing is left of the tasks' gradients, so that no shared parameter moves: the
   * weights are zero, or they are on tasks that have no gradient, or all cancels. False where it is
   * decided element by element or by the summed loss.
   */
  public static boolean isCollapsed(Verdict verdict) {
    final int rows = verdict.getWeightsCount();
    final VerdictGram gram = VerdictGram.of(verdict).orElse(null);
    if (gram == null || gram.rows() != rows) {
      return false;
    }
    double squaredNorm = 0;
    double squaredNorms = 0;
    for (int i = 0; i < rows; i++) {
      squaredNorms += gram.ofRows(i, i);
      for (int j = 0; j < rows; j++) {
        squaredNorm += verdict.getWeights(i) * verdict.getWeights(j) * gram.ofRows(i, j);
      }
    }
    return squaredNorm <= COLLAPSED * squaredNorms;
  }

  /**
   * Which share of the variance of a micro-batch's gradient calibration left, over all tasks; empty
   * without groups of micro-batches, and where nothing is calibrated.
   */
  public static OptionalDouble varianceLeft(Verdict verdict) {
    double before = 0;
    double after = 0;
    for (int task = 0; task < verdict.getCalibratedVarianceCount(); task++) {
      before += verdict.getGradientVariance(task);
      after += verdict.getCalibratedVariance(task);
    }
    return before > 0 ? OptionalDouble.of(after / before) : OptionalDouble.empty();
  }

  /**
   * Tasks whose own gradient points against the weighted sum of all, so that a step along it makes
   * their loss worse; empty where it is decided element by element or by the summed loss, and where
   * there is no step at all.
   */
  public static OptionalInt conflictsLeft(Verdict verdict) {
    final int rows = verdict.getWeightsCount();
    final VerdictGram gram = VerdictGram.of(verdict).orElse(null);
    if (gram == null || gram.rows() != rows || isCollapsed(verdict)) {
      return OptionalInt.empty();
    }
    int left = 0;
    for (int i = 0; i < gram.tasks(); i++) {
      double product = 0;
      double size = 0;
      for (int j = 0; j < rows; j++) {
        final double part = verdict.getWeights(j) * gram.withRow(i, j);
        product += part;
        size += Math.abs(part);
      }
      // A projection leaves zero but for rounding.
      left += product < -1e-12 * size ? 1 : 0;
    }
    return OptionalInt.of(left);
  }
}
