package io.gradstream.benchmarks;

import java.util.Arrays;
import java.util.Collection;

/** Measured values in ascending order. */
final class Samples {
  private final double[] sorted;

  private Samples(double[] sorted) {
    this.sorted = sorted;
  }

  /**
   * @throws IllegalArgumentException without any value
   */
  static Samples of(Collection<Double> values) {
    if (values.isEmpty()) {
      throw new IllegalArgumentException("nothing was measured");
    }
    return new Samples(values.stream().mapToDouble(Double::doubleValue).sorted().toArray());
  }

  /** The value below which the given share of all lies, between two values by interpolation. */
  double quantile(double share) {
    final double at = share * (sorted.length - 1);
    final int below = (int) at;
    final int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  double median() {
    return quantile(0.5);
  }

  double mean() {
    return Arrays.stream(sorted).average().orElseThrow();
  }

  /** Half the distance between the quartiles, over the median: how much to trust it. */
  double noise() {
    return (quantile(0.75) - quantile(0.25)) / 2 / median();
  }
}
