package io.gradstream.arbitrator.linalg;

import java.util.Arrays;

/** The simplex of weights that are not negative and add up to 1. */
public final class Simplex {
  private Simplex() {}

  /**
   * The nearest point of the simplex, by Euclidean distance: max(x - t, 0) with the one t that
   * makes the sum 1. Found by sorting, in O(N log N).
   *
   * @param x N numbers, N at least 1, finite
   */
  public static double[] nearest(double[] x) {
    double[] sorted = x.clone();
    Arrays.sort(sorted);
    double sum = 0;
    double threshold = 0;
    for (int k = 1; k <= sorted.length; k++) {
      double value = sorted[sorted.length - k];
      sum += value;
      double candidate = (sum - 1) / k;
      if (value > candidate || k == 1) {
        threshold = candidate;
      } else {
        break;
      }
    }
    double[] nearest = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      nearest[i] = Math.max(x[i] - threshold, 0);
    }
    return nearest;
  }
}
