package io.gradstream.arbitrator.resolver;

/**
 * The part of a round that a resolver sees: inner products of the tasks' accumulated gradients over
 * the shared parameters. A gradient here is the mean over its slots times its loss weight lambda.
 *
 * @param round number of the round, from 0
 * @param tasks number of tasks N
 * @param gram N x N, symmetric: this round's gradients with each other
 * @param cross N x N: row i is this round's gradient of task i, column j the previous round's
 *     gradient of task j as accumulated, before any projection; zeros in round 0
 * @param losses N, the mean losses of the round, times lambda like the gradients; empty where
 *     nobody knows them, which only offline happens
 * @param seed the run's seed, from which random methods draw
 * @param independent N x N, not symmetric: two independent samples of the gradients, row i task i's
 *     of the first, column j task j's of the second. Their mean is the Gram matrix of the true
 *     gradients, where that of {@code gram} has the noise's variance on its diagonal
 * @param excess N, what {@link SquareSums} tells of the gradients; empty unless the method reads it
 */
public record RoundStatistics(
    long round,
    int tasks,
    double[][] gram,
    double[][] cross,
    double[] losses,
    long seed,
    double[][] independent,
    double[] excess) {

  /**
   * Statistics of one sample, which stands for the independent ones, too: exact where gradients
   * have no noise, and not read by a method that needs one sample.
   */
  public RoundStatistics(
      long round, int tasks, double[][] gram, double[][] cross, double[] losses, long seed) {
    this(round, tasks, gram, cross, losses, seed, gram, new double[0]);
  }

  /** These statistics with the estimates of {@link SquareSums}. */
  public RoundStatistics withExcess(double[] estimates) {
    return new RoundStatistics(round, tasks, gram, cross, losses, seed, independent, estimates);
  }

  /**
   * @throws IllegalArgumentException if a size is wrong or a value is not finite
   */
  public RoundStatistics {
    requireMatrix("gram", gram, tasks);
    requireMatrix("cross", cross, tasks);
    requireMatrix("independent", independent, tasks);
    if (losses.length > 0) {
      requireVector("losses", losses, tasks);
    }
    if (excess.length > 0) {
      requireVector("excess", excess, tasks);
    }
  }

  /**
   * @throws IllegalStateException if nobody took it
   */
  @Override
  public double[] excess() {
    if (excess.length < tasks) {
      throw new IllegalStateException("the method looks at excess risks, and nobody took them");
    }
    return excess;
  }

  /**
   * @throws IllegalStateException if they are unknown, since a method must not compute with made-up
   *     ones
   */
  @Override
  public double[] losses() {
    if (losses.length < tasks) {
      throw new IllegalStateException("the method looks at the losses, and there are none");
    }
    return losses;
  }

  /** Norm of a task's gradient. */
  public double norm(int task) {
    return Math.sqrt(Math.max(0, gram[task][task]));
  }

  /** Norms of all gradients. */
  public double[] norms() {
    double[] norms = new double[tasks];
    for (int i = 0; i < tasks; i++) {
      norms[i] = norm(i);
    }
    return norms;
  }

  private static void requireMatrix(String name, double[][] matrix, int tasks) {
    if (matrix.length != tasks) {
      throw new IllegalArgumentException(
          name + " has " + matrix.length + " rows for " + tasks + " tasks");
    }
    for (double[] row : matrix) {
      requireVector(name, row, tasks);
    }
  }

  private static void requireVector(String name, double[] vector, int tasks) {
    if (vector.length != tasks) {
      throw new IllegalArgumentException(
          name + " has " + vector.length + " values for " + tasks + " tasks");
    }
    for (double value : vector) {
      if (!Double.isFinite(value)) {
        throw new IllegalArgumentException(name + " has the value " + value);
      }
    }
  }
}
