package io.gradstream.arbitrator.round;

import io.gradstream.proto.evidence.Signers;
import io.gradstream.proto.kernels.InnerProducts;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ArbitratorMetadata;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.spec.TaskSlots;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.DoubleConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How far the open round is on one shard: which slots its sums contain, where they came from, and
 * once all are in, the shard's inner products. {@link ShardVectors} holds the sums and adds the
 * gradients up.
 *
 * <p>One owner, one thread.
 */
final class ShardProgress {
  private final Shard shard;
  private final TaskSlots slots;
  private final ShardVectors vectors;

  /** Per task, the pseudo-task last: the slot that is to be added next. */
  private final int[] next;

  private final double[] slotSquared;
  private final ShardStatistics.@Nullable Contribution[] contributions;

  /** The statistics' sum_squared, from before calibration; empty if there was none. */
  private double[] squared = {};

  private ShardStatistics.@Nullable Products products;
  private final Divergence divergence = new Divergence();

  ShardProgress(Shard shard, int tasks, TaskSlots slots, ShardVectors vectors) {
    this.shard = shard;
    this.slots = slots;
    this.vectors = vectors;
    this.next = new int[tasks + 1];
    this.slotSquared = new double[slots.places()];
    this.contributions = new ShardStatistics.Contribution[slotSquared.length];
  }

  Shard shard() {
    return shard;
  }

  /** The slot of a task that is to be added next; the number of slots when all are in. */
  int next(int task) {
    return next[task];
  }

  /** Whether all slots of all tasks that the round asks for are in. */
  private boolean hasAll(Phase phase) {
    for (final int task : vectors.tasksOf(phase, shard)) {
      if (next[task] < slots.of(task)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Adds the slot whose turn it is; with the last one, takes the inner products.
   *
   * @param offset the record's offset on its partition of the task's gradients
   * @return whether the shard is complete with it
   */
  boolean add(Phase phase, SlotGradient gradient, long offset) {
    final int task = gradient.report().getTask();
    final int slot = gradient.report().getSlot();
    if (slot != next[task] || slot >= slots.of(task)) {
      throw new IllegalStateException("slot " + slot + " added in place of " + next[task]);
    }
    vectors.add(phase, shard, task, slot, gradient.values(), gradient.type());
    slotSquared[slots.place(task, slot)] = gradient.squaredNorm();
    contributions[slots.place(task, slot)] = gradient.contribution(offset);
    next[task]++;
    divergence.disproved(task, slot);
    if (!hasAll(phase)) {
      return false;
    }
    squared = vectors.calibrate(phase, shard);
    products = productsOf(phase);
    return true;
  }

  /** The inner products of a complete shard. */
  ShardStatistics.Products products() {
    if (products == null) {
      throw new IllegalStateException("shard " + shard.index() + " is not complete");
    }
    return products;
  }

  private ShardStatistics.Products productsOf(Phase phase) {
    final var record = ShardStatistics.Products.newBuilder().setShard(shard.index());
    if (!shard.buffer()) {
      final InnerProducts inner = vectors.innerProducts(phase, shard);
      record.setMomentumSquared(inner.momentumSquared());
      addAll(inner.gram(), record::addGram);
      addAll(inner.cross(), record::addCross);
      addAll(inner.momentum(), record::addMomentum);
      addAll(squared, record::addSumSquared);
      addAll(vectors.excess(phase, shard), record::addExcess);
    }
    for (final int task : vectors.tasksOf(phase, shard)) {
      for (int slot = 0; slot < slots.of(task); slot++) {
        final int place = slots.place(task, slot);
        if (!shard.buffer()) {
          record.addSlotSquared(slotSquared[place]);
        }
        final ShardStatistics.Contribution contribution = contributions[place];
        if (contribution != null) {
          record.addContributions(contribution);
        }
      }
    }
    return record.build();
  }

  private static void addAll(double[] values, DoubleConsumer add) {
    for (final double value : values) {
      add.accept(value);
    }
  }

  /** What was refused of the shard because it is not finite. */
  Divergence divergence() {
    return divergence;
  }

  /** Names of the workers whose gradients the sums contain. */
  Stream<String> workers() {
    return Stream.of(contributions)
        .filter(Objects::nonNull)
        .map(each -> Signers.nameOf(each.getWorker()));
  }

  /**
   * Makes room for the next round, after one that was skipped: what calibration moved goes back.
   */
  void skip(Phase phase) {
    if (products != null) {
      vectors.undoCalibration(phase, shard);
    }
    clear();
  }

  /** Makes room for the next round. */
  void clear() {
    Arrays.fill(next, 0);
    Arrays.fill(slotSquared, 0);
    Arrays.fill(contributions, null);
    squared = new double[0];
    products = null;
    divergence.clear();
  }

  void save(ArbitratorMetadata.ShardProgress.Builder metadata) {
    metadata.setShard(shard.index());
    Arrays.stream(next).forEach(metadata::addNext);
    addAll(slotSquared, metadata::addSlotSquared);
    addAll(squared, metadata::addSumSquared);
    Stream.of(contributions).filter(Objects::nonNull).forEach(metadata::addContributions);
    metadata.addAllDiverged(divergence.save());
  }

  /**
   * Goes on where {@link #save} left off; the vectors must be those of that moment.
   *
   * @return whether the shard is complete
   */
  boolean restore(Phase phase, ArbitratorMetadata.ShardProgress metadata) {
    Arrays.setAll(next, metadata::getNext);
    Arrays.setAll(slotSquared, metadata::getSlotSquared);
    squared = metadata.getSumSquaredList().stream().mapToDouble(Double::doubleValue).toArray();
    metadata
        .getContributionsList()
        .forEach(each -> contributions[slots.place(each.getTask(), each.getSlot())] = each);
    divergence.restore(metadata.getDivergedList());
    if (!hasAll(phase)) {
      return false;
    }
    products = productsOf(phase);
    return true;
  }
}
