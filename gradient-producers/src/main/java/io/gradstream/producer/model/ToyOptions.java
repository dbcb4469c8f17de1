package io.gradstream.producer.model;

import java.util.List;

/**
 * Size and start of the analytic model.
 *
 * @param dimension parameters that all tasks share
 * @param ownDimension parameters that each task has of its own
 * @param tensors how many tensors the shared parameters are cut into
 * @param start the first shared parameters' initial values; the others are standard normal
 * @param noise standard deviation of the Gaussian noise on each element of a gradient
 */
record ToyOptions(int dimension, int ownDimension, int tensors, List<Double> start, double noise) {
  ToyOptions {
    if (tensors > dimension) {
      throw new IllegalArgumentException(
          "tensors must be at most dimension (" + dimension + "), not " + tensors);
    }
    if (start.size() > dimension) {
      throw new IllegalArgumentException(
          "start must have at most dimension (" + dimension + ") values, not " + start.size());
    }
    start = List.copyOf(start);
  }
}
