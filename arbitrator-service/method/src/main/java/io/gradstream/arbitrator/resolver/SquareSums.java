package io.gradstream.arbitrator.resolver;

/**
 * Excess-MTL's estimate of a task's excess risk from its gradient g alone: {@code sum_d g_d^2 /
 * sqrt(S_d + 1e-7)}, where S_d is the sum of g_d^2 over all rounds, this one included. It is a
 * squared norm in AdaGrad's metric, and the one statistic here that is no inner product.
 *
 * <p>It is a sum over elements, so it adds up over pieces of the vectors, such as shards. Whoever
 * holds the gradients keeps S, as long as a gradient.
 */
public final class SquareSums {
  private static final double FLOOR = 1e-7;

  private SquareSums() {}

  /**
   * One element's part of the sum.
   *
   * @param before S of the element before the round
   */
  public static double part(double before, double gradient) {
    double square = gradient * gradient;
    return square / Math.sqrt(before + square + FLOOR);
  }

  /** S of an element after the round. */
  public static double after(double before, double gradient) {
    return before + gradient * gradient;
  }

  /**
   * A round of whole gradients.
   *
   * @param sums N x D, moved to after the round
   * @return N estimates
   */
  public static double[] next(double[][] sums, double[][] gradients) {
    double[] excess = new double[gradients.length];
    for (int i = 0; i < gradients.length; i++) {
      for (int d = 0; d < gradients[i].length; d++) {
        excess[i] += part(sums[i][d], gradients[i][d]);
        sums[i][d] = after(sums[i][d], gradients[i][d]);
      }
    }
    return excess;
  }
}
