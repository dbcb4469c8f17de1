package io.gradstream.proto.record;

import io.gradstream.proto.message.Verdict;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * The Gram matrix that stands in a verdict: the inner products of the tasks' gradients over the
 * shared parameters, loss-weighted and calibrated, as the resolver saw them. It has a row for each
 * group of a task, one after the other; a task's gradient is the mean over its slots.
 *
 * @param tasks their number N
 * @param groups of a task, their number G
 */
public record VerdictGram(int tasks, int groups, Verdict verdict) {

  /** Reads it; empty where a verdict has none, as that of a scalarized round. */
  public static Optional<VerdictGram> of(Verdict verdict) {
    final int rows = (int) Math.round(Math.sqrt(verdict.getGramCount()));
    final int groups = Math.max(1, verdict.getGroupSlotsCount());
    return rows == 0
            || rows * rows != verdict.getGramCount()
            || rows % groups != 0
            || verdict.getGroupSlotsList().stream().anyMatch(slots -> slots < 1)
        ? Optional.empty()
        : Optional.of(new VerdictGram(rows / groups, groups, verdict));
  }

  /**
   * The weight of each task's gradient in the update, over all of its groups; none where it is
   * decided element by element.
   */
  public static List<Double> weights(Verdict verdict) {
    final int groups = Math.max(1, verdict.getGroupSlotsCount());
    return groups == 1
        ? verdict.getWeightsList()
        : IntStream.range(0, verdict.getWeightsCount() / groups)
            .mapToObj(
                task ->
                    verdict.getWeightsList().subList(task * groups, (task + 1) * groups).stream()
                        .reduce(0.0, Double::sum))
            .toList();
  }

  /** Rows of the matrix: N x G, in the order of the verdict's weights. */
  public int rows() {
    return tasks * groups;
  }

  /** Inner product of two rows. */
  public double ofRows(int row, int column) {
    return verdict.getGram(row * rows() + column);
  }

  /** Inner product of a task's gradient with a row. */
  public double withRow(int task, int row) {
    if (groups == 1) {
      return ofRows(task, row);
    }
    double product = 0;
    for (int group = 0; group < groups; group++) {
      product += share(group) * ofRows(task * groups + group, row);
    }
    return product;
  }

  /** Inner product of two tasks' gradients; of one with itself its squared norm. */
  public double product(int i, int j) {
    if (groups == 1) {
      return ofRows(i, j);
    }
    double product = 0;
    for (int group = 0; group < groups; group++) {
      product += share(group) * withRow(i, j * groups + group);
    }
    return product;
  }

  /** Inner product of two tasks' gradients of one group. */
  public double ofGroup(int group, int i, int j) {
    return ofRows(i * groups + group, j * groups + group);
  }

  private double share(int group) {
    final long slots = verdict.getGroupSlotsList().stream().mapToLong(Integer::longValue).sum();
    return (double) verdict.getGroupSlots(group) / slots;
  }

  /** Norm of a task's gradient. */
  public double norm(int task) {
    return Math.sqrt(Math.max(0, product(task, task)));
  }

  /** Cosine of two tasks' gradients; empty where one of them vanishes. */
  public OptionalDouble cosine(int i, int j) {
    final double norms = norm(i) * norm(j);
    return norms > 0 ? OptionalDouble.of(product(i, j) / norms) : OptionalDouble.empty();
  }
}
