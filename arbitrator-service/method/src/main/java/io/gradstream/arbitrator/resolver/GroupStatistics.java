package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.kernels.SplitMix64;
import io.gradstream.proto.spec.SlotGroups;

/**
 * A round's statistics where each task has a gradient for each of its groups, the mean over the
 * group's slots times the loss weight lambda. Rows are task by task, group by group: row i G + k is
 * task i's gradient of group k.
 *
 * @param round number of the round, from 0
 * @param tasks number of tasks N
 * @param groups how the first task's slots are divided, G groups; a group's share is that of all
 *     tasks
 * @param gram NG x NG, symmetric: the rows with each other
 * @param cross for each group N x N: row i is task i's gradient of the group, column j that of task
 *     j of the same group in the round before
 * @param losses NG, mean losses of the rows' slots, times lambda
 * @param seed the run's seed
 * @param excess NG, as in {@link RoundStatistics}; empty unless the method reads it
 */
public record GroupStatistics(
    long round,
    int tasks,
    SlotGroups groups,
    double[][] gram,
    double[][][] cross,
    double[] losses,
    long seed,
    double[] excess) {

  /** The round as a method sees it that has one group alone; each group draws by its own seed. */
  RoundStatistics of(int group) {
    RoundStatistics one =
        groups.count() == 1
            ? new RoundStatistics(round, tasks, gram, cross[0], losses, seed)
            : new RoundStatistics(
                round,
                tasks,
                products(group, group),
                cross[group],
                numbersOf(losses, group),
                seedOf(seed, group));
    return excess.length == 0 ? one : one.withExcess(numbersOf(excess, group));
  }

  /** The seed by which a group's random numbers are drawn: the run's for the first one. */
  public static long seedOf(long seed, int group) {
    return group == 0 ? seed : SplitMix64.next(seed ^ SplitMix64.next(group));
  }

  /**
   * The round as a method sees it that needs independent samples of the tasks' gradients: products
   * of the first two groups, and gradients combined of all groups.
   *
   * @param shares G numbers, each group's share in the combined gradients
   */
  RoundStatistics samples(double[] shares) {
    double[][] combined = new double[tasks][tasks];
    double[] combinedLosses = new double[tasks];
    for (int a = 0; a < shares.length; a++) {
      double[] ofGroup = numbersOf(losses, a);
      for (int i = 0; i < tasks; i++) {
        combinedLosses[i] += groups.share(a) * ofGroup[i];
      }
      for (int b = 0; b < shares.length; b++) {
        double[][] products = products(a, b);
        for (int i = 0; i < tasks; i++) {
          for (int j = 0; j < tasks; j++) {
            combined[i][j] += shares[a] * shares[b] * products[i][j];
          }
        }
      }
    }
    return new RoundStatistics(
        round,
        tasks,
        combined,
        new double[tasks][tasks],
        combinedLosses,
        seed,
        products(0, 1),
        new double[0]);
  }

  /** N x N inner products of one group's gradients (rows) with another's (columns). */
  private double[][] products(int first, int second) {
    int g = groups.count();
    double[][] products = new double[tasks][tasks];
    for (int i = 0; i < tasks; i++) {
      for (int j = 0; j < tasks; j++) {
        products[i][j] = gram[i * g + first][j * g + second];
      }
    }
    return products;
  }

  private double[] numbersOf(double[] ofRows, int group) {
    double[] ofGroup = new double[tasks];
    for (int i = 0; i < tasks; i++) {
      ofGroup[i] = ofRows[i * groups.count() + group];
    }
    return ofGroup;
  }
}
