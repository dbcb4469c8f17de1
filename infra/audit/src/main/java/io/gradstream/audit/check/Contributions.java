package io.gradstream.audit.check;

import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import java.util.SortedMap;
import java.util.TreeMap;

/** Who contributed what: counted per worker and task, by the first shard of each slot. */
public final class Contributions {
  /** What a worker did for a task. */
  public record Share(long slots, long samples, double computeSeconds) {
    private Share plus(SlotGradient gradient) {
      return new Share(
          slots + 1,
          samples + gradient.report().getSamples(),
          computeSeconds + gradient.report().getComputeUs() / 1e6);
    }
  }

  private final int[] firstShard;
  private final SortedMap<String, SortedMap<Integer, Share>> shares = new TreeMap<>();
  private final SortedMap<Long, SortedMap<String, Long>> arithmetics =
      new TreeMap<>(Long::compareUnsigned);

  Contributions(Manifest manifest) {
    firstShard = new int[manifest.tasks().size() + 1];
    for (int task = 0; task < firstShard.length; task++) {
      final int of = task;
      firstShard[task] =
          manifest.shards().stream()
              .filter(shard -> manifest.touches(of, shard))
              .mapToInt(Shard::index)
              .findFirst()
              .orElse(-1);
    }
  }

  void add(SlotGradient gradient) {
    final int task = gradient.report().getTask();
    if (gradient.shard() == firstShard[task]) {
      shares
          .computeIfAbsent(gradient.report().getWorker(), absent -> new TreeMap<>())
          .merge(task, new Share(0, 0, 0).plus(gradient), (old, one) -> old.plus(gradient));
      arithmetics
          .computeIfAbsent(gradient.report().getFingerprint(), absent -> new TreeMap<>())
          .merge(gradient.report().getWorker(), 1L, Long::sum);
    }
  }

  /** By worker and index of the task, or of the pseudo-task. */
  public SortedMap<String, SortedMap<Integer, Share>> shares() {
    return shares;
  }

  /** By fingerprint of the arithmetic, and by worker, how many slots were computed with it. */
  public SortedMap<Long, SortedMap<String, Long>> arithmetics() {
    return arithmetics;
  }
}
