package io.gradstream.proto.record;

import io.gradstream.proto.message.Verdict;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The Gram matrix that stands in a verdict: the inner products of the tasks' gradients over the
 * shared parameters, loss-weighted and calibrated, as the resolver saw them.
 *
 * @param tasks their number N
 */
public record VerdictGram(int tasks, Verdict verdict) {

  /** Reads it; empty where a verdict has none, as that of a scalarized round. */
  public static Optional<VerdictGram> of(Verdict verdict) {
    final int tasks = (int) Math.round(Math.sqrt(verdict.getGramCount()));
    return tasks == 0 || tasks * tasks != verdict.getGramCount()
        ? Optional.empty()
        : Optional.of(new VerdictGram(tasks, verdict));
  }

  /** Inner product of two tasks' gradients; of one with itself its squared norm. */
  public double product(int i, int j) {
    return verdict.getGram(i * tasks + j);
  }

  /** Norm of a task's gradient. */
  public double norm(int task) {
    return Math.sqrt(product(task, task));
  }

  /** Cosine of two tasks' gradients; empty where one of them vanishes. */
  public OptionalDouble cosine(int i, int j) {
    final double norms = norm(i) * norm(j);
    return norms > 0 ? OptionalDouble.of(product(i, j) / norms) : OptionalDouble.empty();
  }
}
