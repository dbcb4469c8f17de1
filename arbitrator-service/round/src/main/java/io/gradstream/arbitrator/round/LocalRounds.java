package io.gradstream.arbitrator.round;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ArbitratorMetadata;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The rounds of a run in one process, without a stream: all its partitions and the decider. An
 * auditor, a benchmark and the tests drive rounds with it, by the same classes as the arbitrator.
 *
 * <p>A round is: {@link #add} its gradients, of each task and shard in slot order; when {@link
 * #complete}, {@link #decide}; then {@link #close}. Confined to one thread.
 */
public final class LocalRounds {
  private final RunDescription run;
  private final List<PartitionRound> partitions = new ArrayList<>();
  private RoundDecider decider;

  /**
   * Opens the first round.
   *
   * @param vectors what each partition keeps, in order of partitions
   */
  public LocalRounds(RunDescription run, Kernels kernels, List<? extends NamedVectors> vectors) {
    this.run = run;
    this.decider = new RoundDecider(run);
    for (int partition = 0; partition < vectors.size(); partition++) {
      partitions.add(
          new PartitionRound(
              run.spec(), run.manifest(), partition, kernels, vectors.get(partition)));
    }
  }

  /** Goes on where {@link #save} left off; the vectors must be those of that moment. */
  public void restore(int partition, ArbitratorMetadata metadata) {
    partitions.get(partition).restore(metadata);
    if (metadata.hasLast()) {
      decider.restore(metadata.getLast());
    }
  }

  /**
   * Writes down where a partition stands, except for its vectors.
   *
   * @param last the verdict of the round before, null in the first round
   */
  public ArbitratorMetadata save(int partition, @Nullable Verdict last) {
    final var metadata = ArbitratorMetadata.newBuilder();
    if (last != null) {
      metadata.setLast(last);
    }
    partitions.get(partition).save(metadata);
    return metadata.build();
  }

  /**
   * Starts deciding again after a given verdict, where the log has another verdict than was decided
   * here or statistics that do not count.
   *
   * @param last the verdict to go on from, null in the first round
   */
  public void decideAfter(@Nullable Verdict last) {
    decider = new RoundDecider(run);
    if (last != null) {
      decider.restore(last);
    }
  }

  /** Whether statistics name shards and slots that the run has. */
  public boolean fits(ShardStatistics statistics) {
    return decider.fits(statistics);
  }

  /** The round that is open. */
  public long round() {
    return decider.round();
  }

  /** The verdict of the round before; empty in the first. */
  public Optional<Verdict> last() {
    return decider.last();
  }

  /** What is to be done with a slot's gradient of a shard. */
  public PartitionRound.SlotStatus statusOf(long round, int shard, int task, int slot) {
    return partitionOf(shard).statusOf(round, shard, task, slot);
  }

  /**
   * Adds a gradient whose turn it is.
   *
   * @param offset the record's offset on its partition of the task's gradients
   */
  public void add(SlotGradient gradient, long offset) {
    partitionOf(gradient.shard()).add(gradient, offset);
  }

  private PartitionRound partitionOf(int shard) {
    return partition(run.manifest().shard(shard).partition());
  }

  PartitionRound partition(int partition) {
    return partitions.get(partition);
  }

  /** Whether all slots are in, for all shards. */
  public boolean complete() {
    return partitions.stream().allMatch(PartitionRound::complete);
  }

  /** The statistics of the partitions that have shards, in order of partitions. */
  public List<ShardStatistics> statistics() {
    return partitions.stream()
        .filter(partition -> !partition.shards().isEmpty())
        .flatMap(partition -> partition.statistics().stream())
        .toList();
  }

  /**
   * Decides the open round on some statistics, which need not be its own.
   *
   * @param offset where they lie
   * @return the verdict, once all shards are in
   */
  public Optional<Verdict> decide(ShardStatistics statistics, long offset) {
    return decider.add(statistics, offset);
  }

  /** Decides the open round, which is complete, on its own statistics. */
  public Verdict decide() {
    Optional<Verdict> verdict = Optional.empty();
    for (final ShardStatistics statistics : statistics()) {
      verdict = decide(statistics, 0);
    }
    return verdict.orElseThrow(
        () -> new IllegalStateException("round " + round() + " is complete, undecided"));
  }

  /** Closes the round and tells the update record of each shard. */
  public SortedMap<Integer, byte[]> close(Verdict verdict) {
    final var updates = new TreeMap<Integer, byte[]>();
    partitions.forEach(partition -> partition.close(verdict, (shard, u) -> put(updates, shard, u)));
    return updates;
  }

  /** The update records of the round before once more, with the same bits. */
  public SortedMap<Integer, byte[]> repeat(Verdict verdict) {
    final var updates = new TreeMap<Integer, byte[]>();
    partitions.forEach(
        partition -> partition.repeat(verdict, (shard, u) -> put(updates, shard, u)));
    return updates;
  }

  private static void put(SortedMap<Integer, byte[]> updates, Shard shard, byte[] update) {
    updates.put(shard.index(), update);
  }
}
