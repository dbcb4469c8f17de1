package io.gradstream.arbitrator.round;

import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;

/**
 * Checks that statistics have the shards, slots and numbers that their round has. Anybody who may
 * write to their topic can send others, and these must not stop the resolver.
 *
 * @param kind what the round asks of each slot
 * @param memories whether shared shards have a row for each task's memory beside that of its sum
 */
record StatisticsCheck(Manifest manifest, int slots, RoundKind kind, boolean memories) {
  static StatisticsCheck of(RunSpec spec, Manifest manifest, RoundKind kind, boolean memories) {
    final int slots = spec.accumulation().slots(spec.tasks().size());
    return new StatisticsCheck(manifest, slots, kind, memories);
  }

  boolean fits(ShardStatistics statistics) {
    if (statistics.hasDivergence()) {
      return statistics.getShardsCount() == 0
          && statistics.getSlotsCount() == 0
          && fits(statistics.getDivergence());
    }
    return statistics.getGroups() <= 1
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
    final int tasks =
        (int)
            kind.asked(manifest.tasks().size())
                .filter(task -> manifest.touches(task, shard))
                .count();
    final boolean remembers = memories && shard.shared() && kind == RoundKind.EACH_TASK;
    final int rows = remembers ? 2 * tasks : tasks;
    return of.getGramCount() == rows * (rows + 1) / 2
        && isNoneOr(of.getCrossCount(), tasks * tasks)
        && isNoneOr(of.getMomentumCount(), rows)
        && isNoneOr(of.getSumSquaredCount(), tasks)
        && of.getSlotSquaredCount() == tasks * slots
        && of.getContributionsList().stream().allMatch(each -> has(each.getTask(), each.getSlot()))
        && finite(of.getGramList())
        && finite(of.getCrossList())
        && finite(of.getMomentumList())
        && finite(of.getSumSquaredList())
        && finite(of.getSlotSquaredList())
        && Double.isFinite(of.getMomentumSquared());
  }

  private boolean fits(ShardStatistics.Slot of) {
    final int losses = kind == RoundKind.SUM ? manifest.tasks().size() : 0;
    return has(of.getTask(), of.getSlot())
        && Double.isFinite(of.getLoss())
        && of.getTaskLossesCount() == losses
        && finite(of.getTaskLossesList());
  }

  private boolean has(int task, int slot) {
    return kind.asks(task, manifest.tasks().size()) && slot >= 0 && slot < slots;
  }

  private static boolean isNoneOr(int count, int expected) {
    return count == 0 || count == expected;
  }

  private static boolean finite(List<Double> values) {
    return values.stream().allMatch(Double::isFinite);
  }
}
