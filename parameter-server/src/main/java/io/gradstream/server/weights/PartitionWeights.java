package io.gradstream.server.weights;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.SgdStep;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.manifest.Tensor;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.server.optimizer.Optimizer;
import io.gradstream.server.optimizer.Optimizers;
import io.gradstream.server.schedule.LearningRateFactor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The weights of one partition's shards, with the optimizer's state beside them.
 *
 * <p>What buffers get is taken away from them as it is: no optimizer, learning rate or schedule.
 *
 * <p>A shard has its own version: updates are applied as they come, not when a round is whole. Only
 * a tensor-wise optimizer needs all shards of a tensor at once, and they are on one partition.
 *
 * <p>Confined to one thread.
 */
public final class PartitionWeights {
  private static final int WEIGHTS = 0;
  private static final int FIRST_STATE = 1;

  /** What is taken away, without a factor: {@code theta = theta - u}. */
  private static final SgdStep SUBTRACTION = new SgdStep(1, 0, 0);

  private final Manifest manifest;
  private final int partition;
  private final List<Shard> shards;
  private final ValueType valueType;
  private final Kernels kernels;
  private final NamedVectors vectors;
  private final Optimizer optimizer;
  private final LearningRateFactor factor;
  private final Map<Integer, Long> versions = new HashMap<>();
  private final Map<Integer, ByteString> updates = new HashMap<>();

  /** By shard, how many of the rounds before its version were skipped. */
  private final Map<Integer, Long> skipped = new HashMap<>();

  /** By shard, the digest of the record of its version, once that was made. */
  private final Map<Integer, ByteString> digests = new HashMap<>();

  public PartitionWeights(
      RunSpec spec, Manifest manifest, int partition, Kernels kernels, NamedVectors vectors) {
    this.manifest = manifest;
    this.partition = partition;
    this.shards = manifest.shardsOf(partition);
    this.valueType = spec.transport().valueType();
    this.kernels = kernels;
    this.vectors = vectors;
    this.optimizer = Optimizers.create(spec, kernels);
    this.factor = LearningRateFactor.of(spec);
  }

  /** Bytes of the vectors that all partitions of a run keep. */
  public static long vectorBytes(RunSpec spec, Manifest manifest) {
    final int states = Optimizers.create(spec, Kernels.scalar()).stateVectors();
    return (manifest.size() + manifest.parameters() * states) * Float.BYTES;
  }

  public List<Shard> shards() {
    return shards;
  }

  /** A shard's weights version, -1 before the first. */
  public long version(int shard) {
    return versions.getOrDefault(shard, -1L);
  }

  /**
   * The version that all shards of the partition have at least, -1 before the first; the largest
   * number where the partition has no shard.
   */
  public long version() {
    return shards.stream().mapToLong(shard -> version(shard.index())).min().orElse(Long.MAX_VALUE);
  }

  /** Digest of the update that led to a shard's version; empty before the first. */
  public ByteString update(int shard) {
    return updates.getOrDefault(shard, ByteString.EMPTY);
  }

  /** Says which version the vectors hold, and what led to it, after a restart. */
  public void restore(ServerMetadata.ShardVersion shard) {
    versions.put(shard.getShard(), shard.getVersion());
    updates.put(shard.getShard(), shard.getUpdate());
    skipped.put(shard.getShard(), shard.getSkipped());
  }

  /** Writes down what {@link #restore} needs of each shard. */
  public void save(ServerMetadata.Builder metadata) {
    for (final Shard shard : shards) {
      metadata
          .addShardsBuilder()
          .setShard(shard.index())
          .setVersion(version(shard.index()))
          .setUpdate(update(shard.index()))
          .setSkipped(skipped.getOrDefault(shard.index(), 0L));
    }
  }

  /**
   * The shards that a step needs at once: all of a tensor for a tensor-wise optimizer, else one.
   */
  public List<Shard> shardsOfStep(Shard shard) {
    return optimizer.tensorWise() && !shard.buffer()
        ? shards.stream().filter(other -> other.firstTensor() == shard.firstTensor()).toList()
        : List.of(shard);
  }

  /**
   * Finds the shard an update is for.
   *
   * @throws MalformedRecordException when it is for no shard of this partition, or of another
   *     length
   */
  public Shard check(ValuesRecord<UpdateShard> update) throws MalformedRecordException {
    final UpdateShard header = update.header();
    if (header.getManifest() != manifest.hash()
        || header.getShard() < 0
        || header.getShard() >= manifest.shards().size()
        || manifest.shard(header.getShard()).partition() != partition) {
      throw new MalformedRecordException("an update of another manifest or partition");
    }
    final Shard shard = manifest.shard(header.getShard());
    final int bytes = ValuesRecord.typeOf(header.getType()).bytes();
    if (update.values().byteSize() != (long) shard.length() * bytes) {
      throw new MalformedRecordException(
          "%d bytes of update for shard %d".formatted(update.values().byteSize(), shard.index()));
    }
    return shard;
  }

  /** Takes the weights to start from. */
  public void initialize(ValuesRecord<UpdateShard> initial) throws MalformedRecordException {
    final Shard shard = check(initial);
    final ValueType type = ValuesRecord.typeOf(initial.header().getType());
    kernels.set(weightsOf(shard), initial.values(), type, shard.length());
    markChanged(shard);
    versions.put(shard.index(), initial.header().getRound());
    updates.put(shard.index(), initial.header().getDigest());
  }

  /**
   * Takes one optimizer step; none by the updates of a round that was skipped, which leads to a
   * version with the same values.
   *
   * @param stepShards shards as {@link #shardsOfStep} gives them, all of one version
   * @param steps their updates of that round, in the same order
   */
  public void apply(List<Shard> stepShards, List<ValuesRecord<UpdateShard>> steps)
      throws MalformedRecordException {
    final long round = version(stepShards.getFirst().index());
    final boolean skips = steps.getFirst().header().getSkipped();
    if (!skips) {
      if (stepShards.getFirst().buffer()) {
        subtract(stepShards.getFirst(), steps.getFirst());
      } else {
        step(stepShards, steps, round);
      }
    }
    for (int i = 0; i < stepShards.size(); i++) {
      final Shard shard = stepShards.get(i);
      if (skips) {
        digests.remove(shard.index());
        skipped.merge(shard.index(), 1L, Long::sum);
      } else {
        markChanged(shard);
      }
      versions.put(shard.index(), round + 1);
      updates.put(shard.index(), steps.get(i).header().getDigest());
    }
  }

  private void step(List<Shard> stepShards, List<ValuesRecord<UpdateShard>> steps, long round)
      throws MalformedRecordException {
    final var pieces = new ArrayList<Optimizer.Piece>();
    for (int i = 0; i < stepShards.size(); i++) {
      pieces.addAll(piecesOf(stepShards.get(i), steps.get(i)));
    }
    final long before = skipped.getOrDefault(stepShards.getFirst().index(), 0L);
    optimizer.step(pieces, round - before, factor.at(round));
  }

  private void subtract(Shard shard, ValuesRecord<UpdateShard> update)
      throws MalformedRecordException {
    final ValueType type = ValuesRecord.typeOf(update.header().getType());
    kernels.sgd(weightsOf(shard), update.values(), type, null, SUBTRACTION, shard.length());
  }

  /** A shard's part of each of its tensors. */
  private List<Optimizer.Piece> piecesOf(Shard shard, ValuesRecord<UpdateShard> update)
      throws MalformedRecordException {
    final ValueType type = ValuesRecord.typeOf(update.header().getType());
    final var pieces = new ArrayList<Optimizer.Piece>();
    for (int index = shard.firstTensor(); index <= shard.lastTensor(); index++) {
      final Tensor tensor = manifest.tensors().get(index);
      final long from = Math.max(tensor.offset(), shard.offset());
      final long to = Math.min(tensor.offset() + tensor.size(), shard.offset() + shard.length());
      final long at = from - shard.offset();
      final long length = to - from;
      final List<MemorySegment> state =
          IntStream.range(0, optimizer.stateVectors())
              .mapToObj(i -> floats(stateOf(shard, i), at, length))
              .toList();
      pieces.add(
          new Optimizer.Piece(
              index,
              floats(weightsOf(shard), at, length),
              update.values().asSlice(at * type.bytes(), length * type.bytes()),
              type,
              state,
              length));
    }
    return pieces;
  }

  private static MemorySegment floats(MemorySegment vector, long at, long length) {
    return vector.asSlice(at * Float.BYTES, length * Float.BYTES);
  }

  /** The record of a shard's version. */
  public byte[] record(Shard shard) {
    final ValueType type = shard.travelsAs(valueType);
    final var header =
        WeightShard.newBuilder()
            .setVersion(version(shard.index()))
            .setShard(shard.index())
            .setManifest(manifest.hash())
            .setType(ValuesRecord.typeOf(type))
            .setUpdate(update(shard.index()))
            .setDigest(Digests.UNKNOWN)
            .build();
    final int bytes = shard.length() * type.bytes();
    final byte[] record = ValuesRecord.allocate(header, bytes);
    final MemorySegment values = ValuesRecord.valuesOf(record, bytes);
    kernels.convert(values, type, weightsOf(shard), ValueType.FLOAT32, shard.length());
    final ByteString digest = Digests.of(header, values);
    ValuesRecord.replaceHeader(record, header.toBuilder().setDigest(digest).build());
    digests.put(shard.index(), digest);
    return record;
  }

  /**
   * Whether all shards have the same version, as the partition's part of a version that is whole.
   */
  public boolean isWhole() {
    final long version = version();
    return version >= 0 && shards.stream().allMatch(shard -> version(shard.index()) == version);
  }

  /**
   * The seal of a partition's version, whose records are all made.
   *
   * @param run digest of the run's record
   * @param verdict digest of the verdict that the version follows from; for the run's first version
   *     the digest of the run's record
   */
  public WeightSeal seal(ByteString run, ByteString verdict) {
    final var seal =
        WeightSeal.newBuilder()
            .setVersion(version())
            .setPartition(partition)
            .setManifest(manifest.hash())
            .setVerdict(verdict);
    for (final Shard shard : shards) {
      if (!digests.containsKey(shard.index())) {
        record(shard); // after a restart
      }
      seal.addShardsBuilder()
          .setShard(shard.index())
          .setUpdate(update(shard.index()))
          .setWeights(digests.getOrDefault(shard.index(), ByteString.EMPTY));
    }
    return seal.setDigest(Digests.of(run, seal.build())).build();
  }

  /**
   * A shard's weights as the optimizer has them, little-endian float32, whatever they travel as;
   * valid until its next step.
   */
  public MemorySegment values(Shard shard) {
    return weightsOf(shard).asReadOnly();
  }

  private MemorySegment weightsOf(Shard shard) {
    return vectors.vector(new VectorId(WEIGHTS, shard.index()), shard.length());
  }

  private MemorySegment stateOf(Shard shard, int index) {
    return vectors.vector(stateId(shard, index), shard.length());
  }

  private static VectorId stateId(Shard shard, int index) {
    return new VectorId(FIRST_STATE + index, shard.index());
  }

  private void markChanged(Shard shard) {
    digests.remove(shard.index());
    vectors.changed(new VectorId(WEIGHTS, shard.index()));
    for (int i = 0; i < (shard.buffer() ? 0 : optimizer.stateVectors()); i++) {
      stateOf(shard, i);
      vectors.changed(stateId(shard, i));
    }
  }
}
