package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.calibrator.RowNumbers;
import io.gradstream.arbitrator.resolver.GroupStatistics;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SlotGroups;
import io.gradstream.proto.spec.TaskSlots;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The numbers of a joint round, turned from sums over slots into accumulated, loss-weighted and
 * calibrated gradients: a row's scale is its task's loss weight over its slots.
 *
 * @param statistics what the resolver sees of it
 * @param momentum NG inner products with the momentum, over the shared parameters
 * @param ownSquared N squared norms over each task's own parameters
 * @param ownMomentum N inner products with the momentum over each task's own parameters
 * @param momentumSquared squared norm of the momentum over all parameters
 * @param calibration the calibration that the verdict tells the partitions; null where they compute
 *     it themselves
 * @param variance per task, the variance of one slot's loss-weighted gradient over the shared
 *     parameters; empty without groups
 * @param calibratedVariance the same after calibration; empty where there is none
 */
record JointRound(
    GroupStatistics statistics,
    double[] momentum,
    double[] ownSquared,
    double[] ownMomentum,
    double momentumSquared,
    @Nullable Calibration calibration,
    double[] variance,
    double[] calibratedVariance) {

  /** The factors from rows, which are sums over a group's slots, to loss-weighted gradients. */
  static double[] rowScales(RunSpec spec) {
    final int tasks = spec.tasks().size();
    final TaskSlots slots = spec.slots();
    final int count = slots.groups();
    final double[] scales = new double[tasks * count];
    Arrays.setAll(
        scales,
        row ->
            spec.tasks().get(row / count).weight()
                / slots.groups(row / count).slotsOf(row % count));
    return scales;
  }

  /**
   * @param phase the round's number, and how many rounds before were joint
   * @param excess whether the statistics have the estimates that the method reads
   */
  static JointRound of(
      RoundTotals totals, RunSpec spec, Calibrator calibrator, Phase phase, boolean excess) {
    final double[] scales = rowScales(spec);
    final int tasks = spec.tasks().size();
    final TaskSlots slots = spec.slots();
    final SlotGroups groups = slots.groups(0);
    final double[][] rows = scaled(totals.gram(), scales);
    final double[] momentum = scaled(totals.momentum(), scales);
    final double[] losses = totals.groupLosses();
    Arrays.setAll(losses, row -> losses[row] * spec.tasks().get(row / groups.count()).weight());
    final double[] ownScales = ElementwiseCombiner.scales(spec);
    final double[] ownSquared = totals.ownSquared();
    Arrays.setAll(ownSquared, task -> ownScales[task] * ownScales[task] * ownSquared[task]);
    final double[] ownMomentum = scaled(totals.ownMomentum(), ownScales);
    final double[] variance = groups.count() == 1 ? new double[0] : totals.variance();
    Arrays.setAll(
        variance,
        task -> spec.tasks().get(task).weight() * spec.tasks().get(task).weight() * variance[task]);
    final double[][] gram;
    final double[][][] cross = new double[groups.count()][][];
    final double[] products;
    @Nullable Calibration numbers = null;
    if (calibrator.needsNorms()) {
      // Rows are the gradients and then the memories, mostly the gradients of the round before.
      final Calibration found =
          calibrator.calibrate(rowNumbers(totals, spec, phase.joint(), rows, losses));
      products = new double[scales.length];
      Arrays.setAll(
          products,
          row ->
              found.ofGradient(row) * momentum[row]
                  + found.ofMemory(row) * momentum[scales.length + row]);
      gram = found.gram(rows);
      if (calibrator.remembersGradients()) {
        final double[][] withMemories = found.withMemories(rows);
        Arrays.setAll(cross, group -> block(withMemories, group, groups.count()));
      } else {
        Arrays.setAll(cross, group -> calibrated(totals.cross(group), scales, found, group));
      }
      numbers = found;
    } else {
      gram = rows;
      products = momentum;
      Arrays.setAll(
          cross, group -> scaled(totals.cross(group), every(scales, group, groups.count())));
    }
    return new JointRound(
        new GroupStatistics(
            phase.round(),
            tasks,
            groups,
            gram,
            cross,
            losses,
            spec.seed(),
            excess ? totals.excess() : new double[0]),
        products,
        ownSquared,
        ownMomentum,
        totals.momentumSquared(),
        numbers,
        variance,
        groups.count() == 1 || !calibrator.remembers()
            ? new double[0]
            : variance(gram, slots, tasks));
  }

  private static RowNumbers rowNumbers(
      RoundTotals totals, RunSpec spec, long round, double[][] rows, double[] losses) {
    final int half = losses.length;
    final TaskSlots slots = spec.slots();
    final int count = slots.groups();
    final double[] ofSlots = totals.slotVariance();
    final double[] norms = new double[half];
    final double[] withMemory = new double[half];
    final double[] memorySquared = new double[half];
    final double[] variance = new double[half];
    for (int row = 0; row < half; row++) {
      final int task = row / count;
      final double weight = spec.tasks().get(task).weight();
      norms[row] = Math.sqrt(rows[row][row]);
      withMemory[row] = rows[row][half + row];
      memorySquared[row] = rows[half + row][half + row];
      variance[row] = weight * weight * ofSlots[task] / slots.groups(task).slotsOf(row % count);
    }
    return new RowNumbers(round, norms, losses, withMemory, memorySquared, variance);
  }

  /**
   * Inner products of a group's calibrated gradients with those of the round before.
   *
   * @param cross 2N x N: of the gradients, and of their memories
   */
  private static double[][] calibrated(
      double[][] cross, double[] scales, Calibration numbers, int group) {
    final int tasks = cross.length / 2;
    final int groups = scales.length / tasks;
    final double[][] products = new double[tasks][tasks];
    for (int i = 0; i < tasks; i++) {
      final int row = i * groups + group;
      for (int j = 0; j < tasks; j++) {
        products[i][j] =
            (numbers.ofGradient(row) * cross[i][j] + numbers.ofMemory(row) * cross[tasks + i][j])
                * scales[row]
                * scales[j * groups + group];
      }
    }
    return products;
  }

  /** Per task, the variance of one slot's gradient, from the Gram matrix of the groups' means. */
  private static double[] variance(double[][] gram, TaskSlots slots, int tasks) {
    final double[] variance = new double[tasks];
    for (int task = 0; task < tasks; task++) {
      final SlotGroups groups = slots.groups(task);
      final double[][] sums = new double[groups.count()][groups.count()];
      for (int a = 0; a < sums.length; a++) {
        for (int b = 0; b < sums.length; b++) {
          sums[a][b] =
              gram[task * sums.length + a][task * sums.length + b]
                  * groups.slotsOf(a)
                  * groups.slotsOf(b);
        }
      }
      variance[task] = RoundTotals.variance(sums, groups);
    }
    return variance;
  }

  /** Rows and columns of one group. */
  private static double[][] block(double[][] matrix, int group, int groups) {
    final double[][] block = new double[matrix.length / groups][];
    Arrays.setAll(block, task -> every(matrix[task * groups + group], group, groups));
    return block;
  }

  /** One group's numbers of those of all rows. */
  private static double[] every(double[] values, int group, int groups) {
    final double[] ofGroup = new double[values.length / groups];
    Arrays.setAll(ofGroup, task -> values[task * groups + group]);
    return ofGroup;
  }

  private static double[][] scaled(double[][] products, double[] scales) {
    for (int i = 0; i < products.length; i++) {
      for (int j = 0; j < products.length; j++) {
        products[i][j] *= scales[i % scales.length] * scales[j % scales.length];
      }
    }
    return products;
  }

  private static double[] scaled(double[] products, double[] scales) {
    Arrays.setAll(products, i -> products[i] * scales[i % scales.length]);
    return products;
  }

  /**
   * |beta*m + (1-beta)*u|^2 over shared and own parameters, where u = sum_i w_i g_i over NG rows.
   */
  double squaredNormAfter(double[] weights, double beta) {
    double squared = 0;
    double withMomentum = 0;
    final int groups = statistics.groups().count();
    for (int i = 0; i < weights.length; i++) {
      for (int j = 0; j < weights.length; j++) {
        squared += weights[i] * weights[j] * statistics.gram()[i][j];
      }
      // A task's own parameters have one gradient, that of all groups.
      final boolean first = i % groups == 0;
      squared += first ? ownSquared[i / groups] : 0;
      withMomentum += weights[i] * momentum[i] + (first ? ownMomentum[i / groups] : 0);
    }
    return ClippedMomentum.squaredNorm(beta, momentumSquared, withMomentum, squared);
  }
}
