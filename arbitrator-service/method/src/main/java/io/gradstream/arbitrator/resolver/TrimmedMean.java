package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.Arrays;

/**
 * Trimmed mean: in each element the mean of the tasks' values without the largest and the smallest
 * ones, against tasks whose gradients are wrong (Yin et al. 2018, "Byzantine-Robust Distributed
 * Learning", arXiv:1803.01498, definition 2; checked against TorchJD's TrimmedMean).
 */
final class TrimmedMean implements ElementwiseResolver {

  /** Options of {@code trimmed-mean}. */
  record Options(
      @Param(
              value = "how many values are dropped at each end; needs twice as many tasks and one",
              defaultValue = "1",
              min = 0)
          int trimmed) {}

  private final Options options;

  TrimmedMean(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    if (tasks < 2 * options.trimmed() + 1) {
      throw new SpecError(
          "trimmed",
          "dropping %d values at each end needs %d tasks or more, there are %d"
              .formatted(options.trimmed(), 2 * options.trimmed() + 1, tasks));
    }
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    return Resolution.of(new double[0], state);
  }

  @Override
  public void combine(
      long seed, long round, long firstElement, double[][] gradients, double[] update) {
    int n = gradients.length;
    int kept = n - 2 * options.trimmed();
    double[] values = new double[n];
    for (int d = 0; d < update.length; d++) {
      for (int i = 0; i < n; i++) {
        values[i] = gradients[i][d];
      }
      Arrays.sort(values);
      double sum = 0;
      for (int k = 0; k < kept; k++) {
        sum += values[options.trimmed() + k];
      }
      update[d] = sum / kept;
    }
  }
}
