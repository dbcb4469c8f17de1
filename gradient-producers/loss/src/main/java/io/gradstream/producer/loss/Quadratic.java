package io.gradstream.producer.loss;

import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.RandomPurpose;

/**
 * A seeded convex quadratic of any dimension D, {@code 1/2 (x - c)^T H diag(l) H (x - c)}.
 *
 * <p>The minimum c is standard normal, the curvatures l are log-uniform between 1/condition and 1,
 * and H is the Householder reflection of a random direction, so that axes mix and yet an evaluation
 * costs O(D). Tasks with other indices have other minima and other curvatures: their gradients
 * conflict between the minima.
 */
public final class Quadratic implements Objective {
  private final float[] minimum;
  private final float[] curvature;
  private final float[] direction;

  /**
   * @param index which quadratic of the seed, usually the task's position
   * @param dimension D, at least 1
   * @param condition largest curvature over smallest, at least 1
   */
  public Quadratic(long seed, int index, int dimension, double condition) {
    var minima = CounterRandom.of(seed, RandomPurpose.PROBLEM, index, 0);
    var curvatures = CounterRandom.of(seed, RandomPurpose.PROBLEM, index, 1);
    var directions = CounterRandom.of(seed, RandomPurpose.PROBLEM, index, 2);
    minimum = new float[dimension];
    curvature = new float[dimension];
    direction = new float[dimension];
    double logCondition = StrictMath.log(condition);
    for (int d = 0; d < dimension; d++) {
      minimum[d] = (float) minima.gaussian(d);
      curvature[d] = (float) StrictMath.exp(-logCondition * curvatures.uniform(d));
      direction[d] = (float) directions.gaussian(d);
    }
  }

  @Override
  public double evaluate(double[] point, double[] gradient) {
    for (int d = 0; d < gradient.length; d++) {
      gradient[d] = point[d] - minimum[d];
    }
    reflect(gradient);
    double loss = 0;
    for (int d = 0; d < gradient.length; d++) {
      double curved = curvature[d] * gradient[d];
      loss += 0.5 * curved * gradient[d];
      gradient[d] = curved;
    }
    reflect(gradient);
    return loss;
  }

  private void reflect(double[] vector) {
    double along = 0;
    double squaredNorm = 0;
    for (int d = 0; d < vector.length; d++) {
      along += direction[d] * vector[d];
      squaredNorm += (double) direction[d] * direction[d];
    }
    double factor = 2 * along / squaredNorm;
    for (int d = 0; d < vector.length; d++) {
      vector[d] -= factor * direction[d];
    }
  }
}
