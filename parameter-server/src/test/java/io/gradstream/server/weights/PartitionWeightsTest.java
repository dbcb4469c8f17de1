package io.gradstream.server.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PartitionWeightsTest {
  private static final int ROUNDS = 3;
  private static final String ADAMW = "optimizer: {type: adamw, learning-rate: 0.01}\n";
  private static final String LION = "optimizer: {type: lion-lars, learning-rate: 0.01}\n";

  /** Counts what is asked for. */
  private record Counted(Map<VectorId, Long> lengths, NamedVectors vectors)
      implements NamedVectors {
    Counted() {
      this(new HashMap<>(), NamedVectors.inMemory());
    }

    @Override
    public MemorySegment vector(VectorId id, long length) {
      lengths.put(id, length);
      return vectors.vector(id, length);
    }

    @Override
    public void changed(VectorId id) {
      vectors.changed(id);
    }

    long bytes() {
      return lengths.values().stream().mapToLong(length -> length * Float.BYTES).sum();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "optimizer: {type: sgd, learning-rate: 0.01}\n",
        "optimizer: {type: sgd, learning-rate: 0.01, momentum: 0.9}\n",
        ADAMW,
        ADAMW + "momentum: {mode: integrated, beta: 0.9}\n",
        LION
      })
  void takesTheMemoryThatIsAnnounced(String lines) throws MalformedRecordException {
    final RunSpec spec = spec(lines);
    final Manifest manifest = manifest(2);
    final var taken = List.of(new Counted(), new Counted());

    train(spec, manifest, taken);

    assertThat(taken.stream().mapToLong(Counted::bytes).sum())
        .isEqualTo(PartitionWeights.vectorBytes(spec, manifest));
  }

  @ParameterizedTest
  @ValueSource(strings = {ADAMW, LION})
  void areTheSameToTheBitOnAnyNumberOfPartitions(String lines) throws MalformedRecordException {
    final RunSpec spec = spec(lines);

    final float[] alone = train(spec, manifest(1), List.of(new Counted()));

    assertThat(train(spec, manifest(3), List.of(new Counted(), new Counted(), new Counted())))
        .isEqualTo(alone);
  }

  /** No optimizer, no weight decay, no schedule: they lose what they are told to lose. */
  @ParameterizedTest
  @ValueSource(strings = {ADAMW, LION})
  void buffersAreLessWhatTheyAreToLose(String lines) throws MalformedRecordException {
    final RunSpec spec =
        spec(lines + "schedule: {warmup-rounds: 2}\ntransport: {value-type: bfloat16}\n");
    final Manifest manifest = manifest(1);
    final Shard shard = manifest.shards().getLast();
    assertThat(shard.buffer()).isTrue();
    final PartitionWeights weights = weights(spec, manifest, 0, new Counted());
    weights.initialize(update(header(manifest, shard, 9).toBuilder().setInitial(true).build(), 6));
    final float[] expected = weights.values(shard).toArray(ValueType.FLOAT);
    assertThat(weights.shardsOfStep(shard)).containsExactly(shard);

    for (int round = 9; round < 12; round++) {
      final ValuesRecord<UpdateShard> update = update(header(manifest, shard, round), 6);
      weights.apply(List.of(shard), List.of(update));
      for (int i = 0; i < expected.length; i++) {
        expected[i] -= update.values().getAtIndex(ValueType.FLOAT, i);
      }
      assertThat(weights.values(shard).toArray(ValueType.FLOAT)).isEqualTo(expected);
    }
    final var published = ValuesRecord.read(weights.record(shard), WeightShard.parser());
    assertThat(published.header().getType()).isEqualTo(DataType.FLOAT32);
    assertThat(published.values().toArray(ValueType.FLOAT)).isEqualTo(expected);
  }

  @Test
  void onlyATensorWiseOptimizerWaitsForAllShardsOfATensor() {
    final Manifest manifest = manifest(1);
    final Shard first = manifest.shard(0);

    assertThat(weights(spec(ADAMW), manifest, 0, new Counted()).shardsOfStep(first))
        .containsExactly(first);
    assertThat(weights(spec(LION), manifest, 0, new Counted()).shardsOfStep(first))
        .containsExactlyElementsOf(
            manifest.shards().stream().filter(s -> s.firstTensor() == 0).toList())
        .hasSizeGreaterThan(1);
  }

  @Test
  void refusesUpdatesThatAreNotForItsShards() throws MalformedRecordException {
    final Manifest manifest = manifest(2);
    final Shard own = manifest.shardsOf(0).getFirst();
    final Shard others = manifest.shardsOf(1).getFirst();
    final PartitionWeights weights = weights(spec(ADAMW), manifest, 0, new Counted());
    final UpdateShard fit = header(manifest, own, 0);

    assertThat(weights.check(update(fit, own.length()))).isEqualTo(own);
    for (final UpdateShard unfit :
        List.of(
            fit.toBuilder().setManifest(1).build(),
            fit.toBuilder().setShard(others.index()).build(),
            fit.toBuilder().setShard(99).build(),
            fit.toBuilder().setShard(-1).build())) {
      assertThatThrownBy(() -> weights.check(update(unfit, own.length())))
          .isInstanceOf(MalformedRecordException.class)
          .hasMessageContaining("another manifest or partition");
    }
    assertThatThrownBy(() -> weights.check(update(fit, own.length() - 1)))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining("for shard " + own.index());
  }

  @Test
  void eachStepIsTheNextVersionAndNamesTheUpdateItCameFrom() throws MalformedRecordException {
    final Manifest manifest = manifest(1);
    final Shard shard = manifest.shard(0);
    final PartitionWeights weights = weights(spec(ADAMW), manifest, 0, new Counted());
    assertThat(weights.version(0)).isEqualTo(-1);

    weights.initialize(
        update(header(manifest, shard, 0).toBuilder().setInitial(true).build(), shard.length()));
    assertThat(weights.version(0)).isZero();

    final ByteString digest = ByteString.copyFromUtf8("of the update");
    final UpdateShard step = header(manifest, shard, 0).toBuilder().setDigest(digest).build();
    weights.apply(List.of(shard), List.of(update(step, shard.length())));

    final WeightShard published =
        ValuesRecord.read(weights.record(shard), WeightShard.parser()).header();
    assertThat(published.getVersion()).isEqualTo(1);
    assertThat(published.getUpdate()).isEqualTo(digest);
  }

  /** Some rounds of made-up updates; returns the flat weights. */
  private static float[] train(RunSpec spec, Manifest manifest, List<Counted> vectors)
      throws MalformedRecordException {
    final List<PartitionWeights> partitions =
        IntStream.range(0, manifest.partitions())
            .mapToObj(partition -> weights(spec, manifest, partition, vectors.get(partition)))
            .toList();
    for (final Shard shard : manifest.shards()) {
      final var initial = header(manifest, shard, 0).toBuilder().setInitial(true).build();
      partitions.get(shard.partition()).initialize(update(initial, shard.length()));
    }
    for (int round = 0; round < ROUNDS; round++) {
      for (final PartitionWeights partition : partitions) {
        for (final Shard shard : partition.shards()) {
          if (partition.version(shard.index()) == round) {
            final List<Shard> together = partition.shardsOfStep(shard);
            final var updates = new ArrayList<ValuesRecord<UpdateShard>>();
            for (final Shard each : together) {
              updates.add(update(header(manifest, each, round), each.length()));
            }
            partition.apply(together, updates);
          }
        }
      }
    }
    final float[] flat = new float[(int) manifest.size()];
    for (final Shard shard : manifest.shards()) {
      final byte[] record = partitions.get(shard.partition()).record(shard);
      final MemorySegment values = ValuesRecord.read(record, WeightShard.parser()).values();
      MemorySegment.copy(values, ValueType.FLOAT, 0, flat, (int) shard.offset(), shard.length());
    }
    return flat;
  }

  /** Bias corrections count steps, before and after a restart. */
  @ParameterizedTest
  @ValueSource(strings = {ADAMW, LION})
  void goOnAfterASkippedRoundAsIfThatHadNotBeen(String lines) throws MalformedRecordException {
    final RunSpec spec = spec(lines + "momentum: {mode: pure}\n");
    final Manifest manifest = manifest(1);

    assertThat(stepsWithSkipped(spec, manifest, true))
        .isEqualTo(stepsWithSkipped(spec, manifest, false));
  }

  private static float[] stepsWithSkipped(RunSpec spec, Manifest manifest, boolean skips)
      throws MalformedRecordException {
    final NamedVectors vectors = NamedVectors.inMemory();
    PartitionWeights weights = weights(spec, manifest, 0, vectors);
    for (final Shard shard : manifest.shards()) {
      final var initial = header(manifest, shard, 0).toBuilder().setInitial(true).build();
      weights.initialize(update(initial, shard.length()));
    }
    long version = 0;
    for (int round = 0; round < ROUNDS; round++) {
      if (skips) {
        final byte[] before = weights.record(manifest.shard(0));
        apply(weights, version++, round, true);
        assertThat(
                weights
                    .values(manifest.shard(0))
                    .mismatch(ValuesRecord.read(before, WeightShard.parser()).values()))
            .isEqualTo(-1);
        final var saved = ServerMetadata.newBuilder();
        weights.save(saved);
        weights = weights(spec, manifest, 0, vectors);
        saved.getShardsList().forEach(weights::restore);
      }
      apply(weights, version++, round, false);
      assertThat(weights.version()).isEqualTo(version);
    }
    final float[] flat = new float[(int) manifest.size()];
    for (final Shard shard : manifest.shards()) {
      MemorySegment.copy(
          weights.values(shard), ValueType.FLOAT, 0, flat, (int) shard.offset(), shard.length());
    }
    return flat;
  }

  private static void apply(PartitionWeights weights, long version, long values, boolean skipped)
      throws MalformedRecordException {
    for (final Shard shard : weights.shards()) {
      if (weights.version(shard.index()) == version) {
        final List<Shard> together = weights.shardsOfStep(shard);
        final var updates = new ArrayList<ValuesRecord<UpdateShard>>();
        for (final Shard each : together) {
          final UpdateShard header = header(manifest(1), each, values);
          updates.add(update(header.toBuilder().setSkipped(skipped).build(), each.length()));
        }
        weights.apply(together, updates);
      }
    }
  }

  private static PartitionWeights weights(
      RunSpec spec, Manifest manifest, int partition, NamedVectors vectors) {
    return new PartitionWeights(spec, manifest, partition, Kernels.scalar(), vectors);
  }

  private static UpdateShard header(Manifest manifest, Shard shard, long round) {
    return UpdateShard.newBuilder()
        .setRound(round)
        .setShard(shard.index())
        .setManifest(manifest.hash())
        .setType(DataType.FLOAT32)
        .build();
  }

  /** A record whose values follow from its round and shard. */
  private static ValuesRecord<UpdateShard> update(UpdateShard header, int length)
      throws MalformedRecordException {
    final byte[] record = ValuesRecord.allocate(header, length * Float.BYTES);
    final MemorySegment values = ValuesRecord.valuesOf(record, length * Float.BYTES);
    final var random = new Random(31 * header.getRound() + header.getShard());
    for (int i = 0; i < length; i++) {
      values.setAtIndex(ValueType.FLOAT, i, (float) random.nextGaussian());
    }
    return ValuesRecord.read(record, UpdateShard.parser());
  }

  private static Manifest manifest(int partitions) {
    return Manifest.of(
        List.of("a", "b"),
        List.of(
            new TensorShape("matrix", new long[] {8, 5}, TensorShape.SHARED),
            new TensorShape("bias", new long[] {10}, TensorShape.SHARED),
            new TensorShape("head", new long[] {7}, 1),
            TensorShape.buffer("mean", new long[] {6}, List.of(0, 1))),
        16,
        partitions);
  }

  private static RunSpec spec(String lines) {
    return RunSpec.parse(
        """
        run: weighed
        rounds: 3
        tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
        model: toy
        resolver: sum
        """
            + lines,
        "test",
        List.of());
  }
}
