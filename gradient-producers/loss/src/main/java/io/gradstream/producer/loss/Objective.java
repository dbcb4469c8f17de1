package io.gradstream.producer.loss;

/**
 * A loss that is an analytic function of a parameter vector, for tests that must be fast and exact.
 *
 * <p>Pure, immutable and, with {@link StrictMath} and plain double arithmetic in a fixed order, the
 * same to the bit on every machine.
 */
public interface Objective {
  /**
   * Loss and gradient at a point.
   *
   * @param point the shared parameters, then the task's own
   * @param gradient as long as {@code point}; overwritten with d loss / d point
   * @return the loss
   */
  double evaluate(double[] point, double[] gradient);
}
