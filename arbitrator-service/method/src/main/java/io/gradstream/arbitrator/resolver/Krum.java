package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Krum: the mean of the gradients that lie nearest to their neighbours, against tasks whose
 * gradients are wrong (Blanchard et al. 2017, "Machine Learning with Adversaries",
 * arXiv:1703.02757; checked against TorchJD's Krum, which adds distances where the paper adds their
 * squares).
 *
 * <p>A task's score is the sum of its N - f - 2 smallest distances to others, f the number of tasks
 * that may be wrong; the lowest scores are selected, the earlier task where two are equal.
 * Distances come from inner products, so rows nearer than 1e-8 of their length count as equal.
 */
final class Krum implements Resolver {

  /** Options of {@code krum}. */
  record Options(
      @Param(
              value = "how many tasks' gradients may be wrong; needs 3 tasks more than that",
              defaultValue = "0",
              min = 0)
          int byzantine,
      @Param(value = "how many gradients are averaged", defaultValue = "1", min = 1)
          int selected) {}

  private final Options options;

  Krum(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    if (tasks < options.byzantine() + 3) {
      throw new SpecError(
          "byzantine",
          "with %d wrong gradients krum needs %d tasks or more, there are %d"
              .formatted(options.byzantine(), options.byzantine() + 3, tasks));
    }
    if (tasks < options.selected()) {
      throw new SpecError(
          "selected", "%d of %d tasks cannot be selected".formatted(options.selected(), tasks));
    }
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[] scores = new double[n];
    for (int i = 0; i < n; i++) {
      scores[i] = score(round.gram(), i);
    }
    double[] weights = new double[n];
    IntStream.range(0, n)
        .boxed()
        .sorted(Comparator.comparingDouble(i -> scores[i])) // stable: the earlier of two equals
        .limit(options.selected())
        .forEach(i -> weights[i] = 1.0 / options.selected());
    return Resolution.of(weights, state).with("scores", scores);
  }

  private double score(double[][] gram, int task) {
    double[] distances =
        IntStream.range(0, gram.length)
            .filter(other -> other != task)
            .mapToDouble(
                other ->
                    Math.sqrt(
                        Math.max(0, gram[task][task] + gram[other][other] - 2 * gram[task][other])))
            .sorted()
            .toArray();
    return Arrays.stream(distances).limit(gram.length - options.byzantine() - 2).sum();
  }
}
