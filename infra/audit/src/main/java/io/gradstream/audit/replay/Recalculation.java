package io.gradstream.audit.replay;

import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.arbitrator.round.RoundDecider;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.audit.state.PartitionState;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ArbitratorMetadata;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.server.weights.PartitionWeights;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A run computed once more, round by round, by the classes that the services are made of: {@link
 * PartitionRound}, {@link RoundDecider}, {@link PartitionWeights}. No stream, no topic, nothing
 * kept: memory for the vectors of the whole model. One owner, one thread.
 */
public final class Recalculation implements CountedGradients {
  private final RunDescription run;
  private final List<PartitionRound> partitions = new ArrayList<>();
  private final List<PartitionWeights> weights = new ArrayList<>();
  private final RoundDecider decider;
  private final List<PartitionState> begun;

  /**
   * A run from where its services began.
   *
   * @param run spec and manifest; its spec may differ from that of the log, in a what-if
   * @param begun one for each partition; changed in place
   */
  public Recalculation(RunDescription run, List<PartitionState> begun) {
    final Kernels kernels = ReplayKernels.of(run);
    this.run = run;
    this.begun = List.copyOf(begun);
    this.decider = new RoundDecider(run);
    for (int partition = 0; partition < begun.size(); partition++) {
      final PartitionState state = begun.get(partition);
      final var round =
          new PartitionRound(run.spec(), run.manifest(), partition, kernels, state.sums());
      round.restore(state.round());
      partitions.add(round);
      final var held =
          new PartitionWeights(run.spec(), run.manifest(), partition, kernels, state.moments());
      state.restore(held);
      weights.add(held);
      if (state.round().hasLast()) {
        decider.restore(state.round().getLast());
      }
    }
  }

  /** Takes a shard's weights to start from. */
  public void initialize(byte[] initial) throws MalformedRecordException {
    final ValuesRecord<UpdateShard> record = ValuesRecord.read(initial, UpdateShard.parser());
    final int shard = record.header().getShard();
    if (shard < 0 || shard >= run.manifest().shards().size()) {
      throw new MalformedRecordException("no such shard: " + shard);
    }
    weights.get(run.manifest().shard(shard).partition()).initialize(record);
  }

  /** Adds a gradient to its partition's open round. */
  @Override
  public void add(SlotGradient gradient, LogRecord record) {
    partitions.get(record.source().partition()).add(gradient, record.offset());
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
   * Decides the round on some statistics.
   *
   * @param offset where they lie
   * @return the verdict, once all shards are in
   */
  public Optional<Verdict> decide(ShardStatistics statistics, long offset) {
    return decider.add(statistics, offset);
  }

  /** Closes the round and tells the update record of each shard. */
  public SortedMap<Integer, byte[]> close(Verdict verdict) {
    final var updates = new TreeMap<Integer, byte[]>();
    for (final PartitionRound partition : partitions) {
      partition.close(verdict, (shard, update) -> updates.put(shard.index(), update));
    }
    return updates;
  }

  /** Applies a round's updates to the weights. */
  public void apply(SortedMap<Integer, byte[]> updates) throws MalformedRecordException {
    for (final PartitionWeights partition : weights) {
      for (int i = 0; i < partition.shards().size(); ) {
        final List<Shard> together = partition.together(partition.shards().get(i));
        final var records = new ArrayList<ValuesRecord<UpdateShard>>();
        for (final Shard shard : together) {
          final byte[] update = updates.get(shard.index());
          if (update == null) {
            throw new MalformedRecordException("no update for shard " + shard.index());
          }
          records.add(ValuesRecord.read(update, UpdateShard.parser()));
        }
        partition.apply(together, records);
        i += together.size();
      }
    }
  }

  /**
   * SHA-256 of all weights as they stand, as readers of the log have them: float32, in the order of
   * the flat vector.
   */
  public String sha256() {
    final MessageDigest sha256 = Digests.sha256();
    for (final Shard shard : run.manifest().shards()) {
      final MemorySegment values = MemorySegment.ofArray(new byte[shard.length() * Float.BYTES]);
      copyWeights(shard, values);
      sha256.update(values.asByteBuffer());
    }
    return HexFormat.of().formatHex(sha256.digest());
  }

  /** Copies all weights as they stand into a flat float32 vector, as a worker has them. */
  public void copyWeights(MemorySegment flat) {
    for (final Shard shard : run.manifest().shards()) {
      copyWeights(
          shard, flat.asSlice(shard.offset() * Float.BYTES, (long) shard.length() * Float.BYTES));
    }
  }

  private void copyWeights(Shard shard, MemorySegment values) {
    try {
      final var record = ValuesRecord.read(weights(shard), WeightShard.parser());
      ReplayKernels.of(run)
          .convert(
              values,
              ValueType.FLOAT32,
              record.values(),
              ValuesRecord.typeOf(record.header().getType()),
              shard.length());
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("a record of its own", e);
    }
  }

  /**
   * The services' stores on a partition, as they stand when a round has been closed and applied.
   *
   * @param last verdict of that round
   */
  public PartitionState state(int partition, Verdict last) {
    final var round = ArbitratorMetadata.newBuilder().setLast(last);
    partitions.get(partition).save(round);
    final var orders =
        ServerMetadata.newBuilder()
            .setOrdered(last.getRound())
            .setOrderedScalarized(last.getScalarized());
    final PartitionWeights held = weights.get(partition);
    for (final Shard shard : held.shards()) {
      orders
          .addShardsBuilder()
          .setShard(shard.index())
          .setVersion(held.version(shard.index()))
          .setUpdate(held.update(shard.index()));
    }
    final PartitionState vectors = begun.get(partition);
    return new PartitionState(vectors.sums(), round.build(), vectors.moments(), orders.build());
  }

  /** The weights record of a shard as it stands. */
  public byte[] weights(Shard shard) {
    return weights.get(shard.partition()).record(shard);
  }
}
