package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.GroupedResolver;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSlots;
import java.util.List;

/**
 * Checks that statistics have the shards, slots and numbers that their round has. Anybody who may
 * write to their topic can send others, and these must not stop the resolver.
 *
 * @param slots how many slots the tasks have, and how they are divided
 * @param kind what the round asks of each slot
 * @param calibrator if it needs norms, shared shards have a row for each memory beside that of its
 *     sum
 * @param excess whether shared shards have the estimates that the method reads
 */
record StatisticsCheck(
    Manifest manifest, TaskSlots slots, RoundKind kind, Calibrator calibrator, boolean excess) {
  static StatisticsCheck of(RunSpec spec, Manifest manifest, RoundKind kind) {
    return new StatisticsCheck(
        manifest,
        spec.slots(),
        kind,
        Calibrators.create(spec.calibrator()),
        GroupedResolver.of(spec).readsExcess());
  }

  boolean fits(ShardStatistics statistics) {
    if (statistics.hasDivergence()) {
      return statistics.getShardsCount() == 0
          && statistics.getSlotsCount() == 0
          && fits(statistics.getDivergence());
    }
    return Math.max(1, statistics.getGroups()) == (kind == RoundKind.SUM ? 1 : slots.groups())
        && statistics.getShardsList().stream().allMatch(this::fits)
        && statistics.getSlotsList().stream().allMatch(this::fits);
  }

  private boolean fits(ShardStatistics.Divergence of) {
    if (of.getShard() < 0
        || of.getShard() >= manifest.shards().size()
        || !Divergence.isStated(of)) {
      return false;
    }
    final int task = of.getRefused(0).getTask();
    return has(task, of.getRefused(0).getSlot())
        && manifest.touches(task, manifest.shard(of.getShard()));
  }

  private boolean fits(ShardStatistics.Products of) {
    if (of.getShard() < 0 || of.getShard() >= manifest.shards().size()) {
      return false;
    }
    final Shard shard = manifest.shard(of.getShard());
    if (shard.buffer()) {
      return of.equals(contributionsOf(of)) && hasSlots(of);
    }
    final int tasks =
        (int)
            kind.asked(manifest.tasks().size())
                .filter(task -> manifest.touches(task, shard))
                .count();
    final boolean divided = shard.shared() && kind == RoundKind.EACH_TASK;
    final int perTask = divided ? slots.groups() : 1;
    final boolean memories = calibrator.needsNorms() && divided;
    final int rows = tasks * perTask * (memories ? 2 : 1);
    final int before = memories && !calibrator.remembersGradients() ? rows : tasks * perTask;
    return of.getGramCount() == rows * (rows + 1) / 2
        && isNoneOr(of.getCrossCount(), before * tasks)
        && isNoneOr(of.getMomentumCount(), rows)
        && isNoneOr(of.getSumSquaredCount(), tasks * perTask * (perTask + 1) / 2)
        && of.getExcessCount() == (excess && divided ? tasks * perTask : 0)
        && finite(of.getExcessList())
        && of.getSlotSquaredCount() == slotsOn(shard)
        && hasSlots(of)
        && finite(of.getGramList())
        && finite(of.getCrossList())
        && finite(of.getMomentumList())
        && finite(of.getSumSquaredList())
        && finite(of.getSlotSquaredList())
        && Double.isFinite(of.getMomentumSquared());
  }

  /** Slots of the tasks that the round asks for and that touch a shard. */
  private int slotsOn(Shard shard) {
    return kind.asked(manifest.tasks().size())
        .filter(task -> manifest.touches(task, shard))
        .map(slots::of)
        .sum();
  }

  /** All that there is of a buffer: no method sees it. */
  private static ShardStatistics.Products contributionsOf(ShardStatistics.Products of) {
    return ShardStatistics.Products.newBuilder()
        .setShard(of.getShard())
        .addAllContributions(of.getContributionsList())
        .build();
  }

  private boolean hasSlots(ShardStatistics.Products of) {
    return of.getContributionsList().stream().allMatch(each -> has(each.getTask(), each.getSlot()));
  }

  private boolean fits(ShardStatistics.Slot of) {
    final int losses = kind == RoundKind.SUM ? manifest.tasks().size() : 0;
    return has(of.getTask(), of.getSlot())
        && Double.isFinite(of.getLoss())
        && of.getTaskLossesCount() == losses
        && (of.getBatchDigest().isEmpty() || of.getBatchDigest().size() == Digests.BYTES)
        && finite(of.getTaskLossesList());
  }

  private boolean has(int task, int slot) {
    return kind.asks(task, manifest.tasks().size()) && slot >= 0 && slot < slots.of(task);
  }

  private static boolean isNoneOr(int count, int expected) {
    return count == 0 || count == expected;
  }

  private static boolean finite(List<Double> values) {
    return values.stream().allMatch(Double::isFinite);
  }
}
