package io.gradstream.proto.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightAssemblerTest {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int SIZE = 4;

  /** Two shards on each of two partitions. */
  private static final RunDescription RUN = run();

  @TempDir private Path directory;

  private final WeightAssembler assembler = new WeightAssembler(RUN, Kernels.scalar(), 2);

  private static RunDescription run(String... overrides) {
    return RunDescription.of(
        RunSpec.parse(
            """
            run: any
            rounds: 100
            tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
            model: toy
            resolver: sum
            optimizer: {type: sgd, learning-rate: 1.0}
            transport: {partitions: 2, shard-values: 4}
            """,
            "test",
            List.of(overrides)),
        Manifest.of(
            List.of("a", "b"),
            List.of(tensor("one"), tensor("two"), tensor("three"), tensor("four")),
            SIZE,
            2));
  }

  private static TensorShape tensor(String name) {
    return new TensorShape(name, new long[] {SIZE}, TensorShape.SHARED);
  }

  @Test
  void aVersionIsWholeWithTheSealsOfAllPartitions() throws MalformedRecordException {
    assertThat(addPartition(5, 0, 0.5f)).isFalse();
    assertThat(assembler.version()).isEqualTo(WeightAssembler.NONE);

    assertThat(addPartition(5, 1, 0.5f)).isTrue();

    assertThat(assembler.version()).isEqualTo(5);
    assertThat(values()).containsOnly(0.5f);
  }

  @Test
  void withoutSealsNothingIsWhole() throws MalformedRecordException {
    for (final Shard shard : RUN.manifest().shards()) {
      assertThat(add(shardRecord(5, shard, 0.5f))).isFalse();
    }
    assertThat(assembler.version()).isEqualTo(WeightAssembler.NONE);
  }

  @Test
  void aShardThatTheSealDoesNotNameIsPassedOverWheneverItComes() throws MalformedRecordException {
    final Shard shard = RUN.manifest().shardsOf(0).getFirst();

    add(shardRecord(5, shard, 9f));
    addPartition(5, 0, 0.5f);
    add(shardRecord(5, shard, 9f));
    addPartition(5, 1, 0.5f);

    assertThat(assembler.version()).isEqualTo(5);
    assertThat(values()).containsOnly(0.5f);
  }

  @Test
  void versionsThatSomebodyMadeUpDoNotHoldTheNextOneUp() throws MalformedRecordException {
    for (long forged = 99; forged > 90; forged--) {
      add(shardRecord(forged, RUN.manifest().shard(0), 9f));
    }
    addPartition(5, 0, 0.5f);
    add(shardRecord(89, RUN.manifest().shard(0), 9f));
    addPartition(5, 1, 0.5f);
    assertThat(assembler.version()).isEqualTo(5);

    addPartition(6, 0, 0.25f);
    addPartition(6, 1, 0.25f);
    assertThat(assembler.version()).isEqualTo(6);
    assertThat(values()).containsOnly(0.25f);
  }

  @Test
  void aVersionWhoseShardsWereGivenUpIsTornUntilTheyAreReadAgain() throws MalformedRecordException {
    for (final Shard shard : RUN.manifest().shardsOf(0)) {
      add(shardRecord(5, shard, 0.5f));
    }
    add(shardRecord(98, RUN.manifest().shard(0), 9f));
    add(shardRecord(99, RUN.manifest().shard(0), 9f));
    assertThat(assembler.tornVersion()).isEqualTo(WeightAssembler.NONE);
    assembler.add(Keys.seal(), seal(5, 0, 0.5f, RUN.digest()));
    addPartition(5, 1, 0.5f);
    assertThat(assembler.version()).isEqualTo(WeightAssembler.NONE);
    assertThat(assembler.tornVersion()).isEqualTo(5);

    for (final Shard shard : RUN.manifest().shardsOf(0)) {
      add(shardRecord(5, shard, 0.5f));
    }

    assertThat(assembler.version()).isEqualTo(5);
    assertThat(assembler.tornVersion()).isEqualTo(WeightAssembler.NONE);
    assertThat(values()).containsOnly(0.5f);
  }

  @Test
  void partitionsMayRunAheadOfEachOther() throws MalformedRecordException {
    for (long version = 1; version <= 5; version++) {
      addPartition(version, 0, (float) version);
    }
    for (long version = 1; version <= 5; version++) {
      addPartition(version, 1, (float) version);
    }

    assertThat(assembler.version()).isEqualTo(5);
    assertThat(values()).containsOnly(5f);
  }

  /** A forger can make all digests fit, but not the signature. */
  @Test
  void whereServersKeysAreListedOnlyVersionsCountThatOneOfThemSigned() throws Exception {
    final Path one = directory.resolve("one.key");
    final Path stranger = directory.resolve("stranger.key");
    final String keys = "keys=[{server: one, public-key: %s}]";
    final RunDescription run = run(keys.formatted(Signer.generate(one)));
    final RunDescription strangers = run(keys.formatted(Signer.generate(stranger)));
    final var signed = new WeightAssembler(run, Kernels.scalar(), 2);
    final Signer server = Signer.read(one, run.spec(), Role.SERVER);
    final Signer other = Signer.read(stranger, strangers.spec(), Role.SERVER);
    for (final Shard shard : RUN.manifest().shards()) {
      signed.add(Keys.shard(shard.index()), shardRecord(5, shard, 9f));
      signed.add(Keys.shard(shard.index()), shardRecord(5, shard, 0.5f));
    }
    for (int partition = 0; partition < 2; partition++) {
      final byte[] unsigned = seal(5, partition, 9f, run.digest());
      assertThatThrownBy(() -> signed.add(Keys.seal(), unsigned))
          .hasMessage("a seal that no parameter server signed");
      assertThatThrownBy(() -> signed.add(Keys.seal(), signedBy(other, unsigned)))
          .hasMessage("a seal whose signature is that of no listed parameter server");
    }
    assertThat(signed.version()).isEqualTo(WeightAssembler.NONE);

    for (int partition = 0; partition < 2; partition++) {
      signed.add(Keys.seal(), signedBy(server, seal(5, partition, 0.5f, run.digest())));
    }

    assertThat(signed.version()).isEqualTo(5);
    assertThat(signed.values().getAtIndex(FLOAT, 0)).isEqualTo(0.5f);
  }

  private static byte[] signedBy(Signer signer, byte[] record) throws Exception {
    final WeightSeal seal = WeightSeal.parseFrom(record);
    return seal.toBuilder().setSignature(signer.sign(seal.getDigest())).build().toByteArray();
  }

  @Test
  void whatCannotBeIsRefused() {
    final Shard shard = RUN.manifest().shard(0);
    assertThatThrownBy(() -> assembler.add(Keys.shard(0), null)).hasMessage("an empty record");
    assertThatThrownBy(() -> add(shardRecord(999_999, shard, 9f)))
        .hasMessage("weights version 999999, the run has 0 to 100");
    assertThatThrownBy(() -> add(shardRecord(-1, shard, 9f)))
        .hasMessage("weights version -1, the run has 0 to 100");
    assertThatThrownBy(() -> assembler.add(Keys.seal(), new byte[] {1, 2, 3}))
        .hasMessage("not a seal");
    assertThatThrownBy(() -> assembler.add(Keys.seal(), seal(5, 0, 1f, ByteString.EMPTY)))
        .hasMessage("a seal of another run");
    final byte[] other = shardRecord(5, shard, 9f);
    other[other.length - 1]++;
    assertThatThrownBy(() -> add(other))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessage("weights that are not those of their digest");
  }

  private boolean addPartition(long version, int partition, float value)
      throws MalformedRecordException {
    for (final Shard shard : RUN.manifest().shardsOf(partition)) {
      assertThat(add(shardRecord(version, shard, value))).isFalse();
    }
    return assembler.add(Keys.seal(), seal(version, partition, value, RUN.digest()));
  }

  private boolean add(byte[] record) throws MalformedRecordException {
    return assembler.add(Keys.shard(0), record);
  }

  private List<Float> values() {
    final MemorySegment values = assembler.values();
    return LongStream.range(0, RUN.manifest().size())
        .mapToObj(i -> values.getAtIndex(FLOAT, i))
        .toList();
  }

  private static byte[] seal(long version, int partition, float value, ByteString run) {
    final var seal =
        WeightSeal.newBuilder()
            .setVersion(version)
            .setPartition(partition)
            .setManifest(RUN.manifest().hash());
    for (final Shard shard : RUN.manifest().shardsOf(partition)) {
      seal.addShardsBuilder()
          .setShard(shard.index())
          .setWeights(digestOf(shardRecord(version, shard, value)));
    }
    return seal.setDigest(Digests.of(run, seal.build())).build().toByteArray();
  }

  private static ByteString digestOf(byte[] record) {
    try {
      return ValuesRecord.read(record, WeightShard.parser()).header().getDigest();
    } catch (MalformedRecordException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] shardRecord(long version, Shard shard, float value) {
    final WeightShard header =
        WeightShard.newBuilder()
            .setVersion(version)
            .setShard(shard.index())
            .setManifest(RUN.manifest().hash())
            .setType(DataType.FLOAT32)
            .setDigest(Digests.UNKNOWN)
            .build();
    final int bytes = shard.length() * Float.BYTES;
    final byte[] record = ValuesRecord.allocate(header, bytes);
    final MemorySegment values = ValuesRecord.valuesOf(record, bytes);
    for (int i = 0; i < shard.length(); i++) {
      values.setAtIndex(FLOAT, i, value);
    }
    Digests.seal(record, header, values);
    return record;
  }
}
