package io.gradstream.arbitrator.round;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.proto.evidence.ContributionsDigest;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.spec.SlotGroups;
import io.gradstream.proto.spec.TaskSlots;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * The statistics of a round as they come in, shard by shard, from whichever partition.
 *
 * <p>Totals are taken when all shards are in, over the shards in their order, so that they do not
 * depend on the partitions.
 */
final class RoundTotals {
  private final Manifest manifest;

  /** Those whose statistics are numbers: buffers have contributions alone. */
  private final List<Shard> shards;

  private final int tasks;
  private final int rows;
  private final int crossRows;
  private final int groups;
  private final TaskSlots slots;
  private final ShardStatistics.@Nullable Products[] products;
  private final long[] offsets;
  private final ShardStatistics.@Nullable Slot[] reports;
  private int missing;

  /**
   * @param slots how many slots the tasks have, and how they are divided
   * @param calibrator if it needs norms, a shared shard's Gram matrix has a row for each memory,
   *     too
   */
  RoundTotals(Manifest manifest, TaskSlots slots, Calibrator calibrator) {
    this.manifest = manifest;
    this.shards = manifest.shards().stream().filter(shard -> !shard.buffer()).toList();
    this.tasks = manifest.tasks().size();
    this.groups = slots.groups();
    this.rows = tasks * groups * (calibrator.needsNorms() ? 2 : 1);
    this.crossRows =
        calibrator.needsNorms() && !calibrator.remembersGradients() ? 2 * tasks : tasks;
    this.slots = slots;
    this.products = new ShardStatistics.Products[manifest.shards().size()];
    this.offsets = new long[products.length];
    this.reports = new ShardStatistics.Slot[slots.places()];
    this.missing = products.length;
  }

  /**
   * Takes in a record. If a shard or a slot is reported twice, the first report counts.
   *
   * @param offset the record's offset on the topic {@code statistics}
   */
  void add(ShardStatistics statistics, long offset) {
    for (final var shard : statistics.getShardsList()) {
      if (products[shard.getShard()] == null) {
        products[shard.getShard()] = shard;
        offsets[shard.getShard()] = offset;
        missing--;
      }
    }
    for (final var slot : statistics.getSlotsList()) {
      final int index = slots.place(slot.getTask(), slot.getSlot());
      if (reports[index] == null) {
        reports[index] = slot;
      }
    }
  }

  boolean complete() {
    return missing == 0;
  }

  void clear() {
    Arrays.fill(products, null);
    Arrays.fill(reports, null);
    missing = products.length;
  }

  /** The digest over all gradients that the round's sums contain. */
  ByteString contributions() {
    final var digest = new ContributionsDigest();
    for (final Shard shard : manifest.shards()) {
      digest.add(shard, offsets[shard.index()], productsOf(shard).getContributionsList());
    }
    return digest.end();
  }

  /**
   * Gram matrix over the shared shards: its rows are the tasks' sums, task by task, group by group,
   * and after them the memories of these where the calibrator needs them.
   */
  double[][] gram() {
    final double[][] gram = new double[rows][rows];
    for (final Shard shard : shards) {
      if (shard.shared()) {
        final var of = productsOf(shard);
        int entry = 0;
        for (int i = 0; i < rows; i++) {
          for (int j = i; j < rows; j++) {
            gram[i][j] += of.getGram(entry++);
            gram[j][i] = gram[i][j];
          }
        }
      }
    }
    return gram;
  }

  /**
   * N x N inner products of a group's sums of this round (rows) with those of the round before
   * (columns); where memories are not these, N further rows have the memories' products with them.
   */
  double[][] cross(int group) {
    final double[][] cross = new double[crossRows][tasks];
    for (final Shard shard : shards) {
      final var of = productsOf(shard);
      if (shard.shared() && of.getCrossCount() > 0) {
        for (int entry = 0; entry < crossRows * tasks; entry++) {
          cross[entry / tasks][entry % tasks] += of.getCross(group * crossRows * tasks + entry);
        }
      }
    }
    return cross;
  }

  /** Per row, its inner product with the momentum, over the shared parameters. */
  double[] momentum() {
    final double[] momentum = new double[rows];
    for (final Shard shard : shards) {
      final var of = productsOf(shard);
      if (shard.shared() && of.getMomentumCount() > 0) {
        for (int row = 0; row < rows; row++) {
          momentum[row] += of.getMomentum(row);
        }
      }
    }
    return momentum;
  }

  /** Per row, the method's estimate of excess risk, over the shared shards. */
  double[] excess() {
    final double[] excess = new double[tasks * groups];
    for (final Shard shard : shards) {
      if (shard.shared()) {
        for (int row = 0; row < excess.length; row++) {
          excess[row] += productsOf(shard).getExcess(row);
        }
      }
    }
    return excess;
  }

  /** Per task, the squared norm of its sum over its own parameters. */
  double[] ownSquared() {
    return overOwn(of -> of.getGram(0));
  }

  /** Per task, the inner product of its sum with the momentum over its own parameters. */
  double[] ownMomentum() {
    return overOwn(of -> of.getMomentumCount() > 0 ? of.getMomentum(0) : 0);
  }

  private double[] overOwn(ToDoubleFunction<ShardStatistics.Products> value) {
    final double[] totals = new double[tasks];
    for (final Shard shard : shards) {
      if (!shard.shared()) {
        totals[shard.owner()] += value.applyAsDouble(productsOf(shard));
      }
    }
    return totals;
  }

  /** Squared norm of the momentum over all parameters. */
  double momentumSquared() {
    double total = 0;
    for (final Shard shard : shards) {
      total += productsOf(shard).getMomentumSquared();
    }
    return total;
  }

  /** Per task, the mean over its slots of the squared norm of the slot's own gradient. */
  double[] slotSquaredMean() {
    final double[] totals = new double[tasks];
    for (final Shard shard : shards) {
      final var of = productsOf(shard);
      int entry = 0;
      for (int task = 0; task < tasks; task++) {
        if (manifest.touches(task, shard)) {
          final int own = slots.of(task);
          for (int slot = 0; slot < own; slot++) {
            totals[task] += of.getSlotSquared(entry++) / own;
          }
        }
      }
    }
    return totals;
  }

  /** Per task, the squared norm of the mean of its slots' gradients, before any calibration. */
  double[] meanSquared() {
    final double[] totals = new double[tasks];
    for (final Shard shard : shards) {
      final var of = productsOf(shard);
      if (!shard.shared()) {
        final int own = slots.of(shard.owner());
        totals[shard.owner()] += of.getGram(0) / own / own;
        continue;
      }
      for (int task = 0; task < tasks; task++) {
        totals[task] += sum(sumsOf(of, task)) / slots.of(task) / slots.of(task);
      }
    }
    return totals;
  }

  /** G x G inner products of a task's sums on a shared shard, before any calibration. */
  private double[][] sumsOf(ShardStatistics.Products of, int task) {
    final int count = groups;
    final double[][] sums = new double[count][count];
    int entry = task * count * (count + 1) / 2;
    for (int a = 0; a < count; a++) {
      for (int b = a; b < count; b++) {
        sums[a][b] =
            of.getSumSquaredCount() > 0
                ? of.getSumSquared(entry++)
                : of.getGram(triangle(task * count + a, task * count + b));
        sums[b][a] = sums[a][b];
      }
    }
    return sums;
  }

  /** Where an entry of the Gram matrix stands in its upper triangle, row by row. */
  private int triangle(int row, int column) {
    return row * rows - row * (row - 1) / 2 + column - row;
  }

  /** Added one after the other: what ends in a verdict must not depend on how a stream adds. */
  private static double sum(double[][] matrix) {
    double sum = 0;
    for (final double[] row : matrix) {
      for (final double value : row) {
        sum += value;
      }
    }
    return sum;
  }

  /**
   * Per task, the variance of one slot's gradient over the shared parameters, as the norms of all
   * slots show it; 0 with one slot.
   */
  double[] slotVariance() {
    final double[] variance = new double[tasks];
    for (final Shard shard : shards) {
      final var of = productsOf(shard);
      int entry = 0;
      for (int task = 0; shard.shared() && task < tasks; task++) {
        final int own = slots.of(task);
        double ofSlots = 0;
        for (int slot = 0; slot < own; slot++) {
          ofSlots += of.getSlotSquared(entry++);
        }
        if (own > 1) {
          variance[task] += (ofSlots - sum(sumsOf(of, task)) / own) / (own - 1);
        }
      }
    }
    Arrays.setAll(variance, task -> Math.max(0, variance[task]));
    return variance;
  }

  /**
   * Per task, the variance of one slot's gradient over the shared parameters, as the groups of the
   * round show it before any calibration; only where there are several.
   */
  double[] variance() {
    final double[] variance = new double[tasks];
    for (int task = 0; task < tasks; task++) {
      final double[][] sums = new double[groups][groups];
      for (final Shard shard : shards) {
        if (shard.shared()) {
          final double[][] ofShard = sumsOf(productsOf(shard), task);
          for (int a = 0; a < sums.length; a++) {
            for (int b = 0; b < sums.length; b++) {
              sums[a][b] += ofShard[a][b];
            }
          }
        }
      }
      variance[task] = variance(sums, slots.groups(task));
    }
    return variance;
  }

  /**
   * The variance of one slot's gradient, from the sums of independent groups of slots: without
   * bias, whatever their sizes.
   *
   * @param sums G x G inner products of the groups' sums
   */
  static double variance(double[][] sums, SlotGroups groups) {
    double within = 0;
    for (int group = 0; group < sums.length; group++) {
      within += sums[group][group] / groups.slotsOf(group);
    }
    return Math.max(0, (within - sum(sums) / groups.slots()) / (groups.count() - 1));
  }

  /** Per task, the mean of its slots' losses. */
  double[] losses() {
    final double[] losses = new double[tasks];
    for (int task = 0; task < tasks; task++) {
      final int own = slots.of(task);
      for (int slot = 0; slot < own; slot++) {
        losses[task] += reportOf(task, slot).getLoss() / own;
      }
    }
    return losses;
  }

  /** The mean of the losses of each row's slots, task by task, group by group. */
  double[] groupLosses() {
    final double[] losses = new double[tasks * groups];
    for (int task = 0; task < tasks; task++) {
      final SlotGroups own = slots.groups(task);
      for (int slot = 0; slot < own.slots(); slot++) {
        final int group = own.of(slot);
        losses[task * groups + group] += reportOf(task, slot).getLoss() / own.slotsOf(group);
      }
    }
    return losses;
  }

  /**
   * Per task, the mean loss over the slots of a scalarized round. Each slot of such a round reports
   * the losses of all tasks.
   */
  double[] summedLosses() {
    final double[] losses = new double[tasks];
    final int ofSum = slots.of(tasks);
    for (int slot = 0; slot < ofSum; slot++) {
      for (int task = 0; task < tasks; task++) {
        losses[task] += reportOf(tasks, slot).getTaskLosses(task) / ofSum;
      }
    }
    return losses;
  }

  /** Squared norm of a scalarized round's sum over its slots, over all parameters. */
  double summedSquared() {
    double total = 0;
    for (final Shard shard : shards) {
      total += productsOf(shard).getGram(0);
    }
    return total;
  }

  /**
   * Inner product of a scalarized round's sum over its slots with the momentum, over all
   * parameters; 0 where there is no momentum.
   */
  double summedMomentum() {
    double total = 0;
    for (final Shard shard : shards) {
      final var of = productsOf(shard);
      total += of.getMomentumCount() > 0 ? of.getMomentum(0) : 0;
    }
    return total;
  }

  /** What a slot said of itself. */
  ShardStatistics.Slot reportOf(int task, int slot) {
    final var report = reports[slots.place(task, slot)];
    if (report == null) {
      throw new IllegalStateException("no report of task " + task + ", slot " + slot);
    }
    return report;
  }

  private ShardStatistics.Products productsOf(Shard shard) {
    final var of = products[shard.index()];
    if (of == null) {
      throw new IllegalStateException("no statistics of shard " + shard.index());
    }
    return of;
  }
}
