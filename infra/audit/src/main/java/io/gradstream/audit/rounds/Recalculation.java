package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.LocalRounds;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightSeal;
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
import java.util.SortedMap;

/**
 * A run computed once more, round by round, by the classes that the services are made of: {@link
 * LocalRounds}, {@link PartitionWeights}. No stream, no topic, nothing kept: memory for the vectors
 * of the whole model. One owner, one thread.
 */
public final class Recalculation implements CountedGradients {
  /** Bytes of gradients from which the Vector API saves more time than its warm-up takes. */
  private static final double WORTH_WARMING_UP = 8e9;

  private final RunDescription run;
  private final Kernels kernels;
  private final LocalRounds rounds;
  private final List<PartitionWeights> weights = new ArrayList<>();
  private final List<PartitionState> begun;

  /**
   * A run from where its services began.
   *
   * @param run spec and manifest; its spec may differ from that of the log, in a replay
   * @param begun one for each partition; changed in place
   */
  public Recalculation(RunDescription run, List<PartitionState> begun) {
    this(run, begun, kernels(run));
  }

  /** The same with kernels of the caller's choice; the bits are the same. */
  public Recalculation(RunDescription run, List<PartitionState> begun, Kernels kernels) {
    this.run = run;
    this.kernels = kernels;
    this.begun = List.copyOf(begun);
    this.rounds = new LocalRounds(run, kernels, begun.stream().map(PartitionState::sums).toList());
    for (int partition = 0; partition < begun.size(); partition++) {
      final PartitionState state = begun.get(partition);
      rounds.restore(partition, state.round());
      final var held =
          new PartitionWeights(run.spec(), run.manifest(), partition, kernels, state.moments());
      state.restore(held);
      weights.add(held);
    }
  }

  /**
   * Which kernels a recalculation computes with; the bits are the same.
   *
   * <p>The Vector API is slow until the compiler has got round to it, for some seconds. A
   * recalculation of a few gigabytes is over by then: there the plain loops win.
   */
  static Kernels kernels(RunDescription run) {
    final double bytes =
        (double) run.spec().rounds() * run.slots().ofAll() * run.manifest().size() * Float.BYTES;
    return bytes < WORTH_WARMING_UP ? Kernels.scalar() : Kernels.best();
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

  @Override
  public void add(SlotGradient gradient, LogRecord record) {
    rounds.add(gradient, record.offset());
  }

  /** The open round, on all partitions. */
  public LocalRounds rounds() {
    return rounds;
  }

  /** Applies a round's updates to the weights. */
  public void apply(SortedMap<Integer, byte[]> updates) throws MalformedRecordException {
    for (final PartitionWeights partition : weights) {
      for (int i = 0; i < partition.shards().size(); ) {
        final List<Shard> together = partition.shardsOfStep(partition.shards().get(i));
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
      kernels.convert(
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
    final var orders =
        ServerMetadata.newBuilder()
            .setOrdered(last.getRound())
            .setOrderedScalarized(last.getScalarized());
    orders.addVerdictsBuilder().setRound(last.getRound()).setDigest(Digests.of(last));
    final PartitionWeights held = weights.get(partition);
    held.save(orders);
    final PartitionState vectors = begun.get(partition);
    return new PartitionState(
        vectors.sums(), rounds.save(partition, last), vectors.moments(), orders.build());
  }

  /**
   * The seal of a partition's weights as they stand.
   *
   * @param run digest of the run's record
   * @param verdict digest of the verdict that they follow from
   */
  public WeightSeal seal(int partition, ByteString run, ByteString verdict) {
    return weights.get(partition).seal(run, verdict);
  }

  /** The weights record of a shard as it stands. */
  public byte[] weights(Shard shard) {
    return weights.get(shard.partition()).record(shard);
  }
}
