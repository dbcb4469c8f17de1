package io.gradstream.proto.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

final class ManifestTest {
  private static final List<String> TASKS = List.of("a", "b");

  @Test
  void smallNeighboursShareAShardAndALargeTensorHasItsOwn() {
    final Manifest manifest =
        Manifest.of(TASKS, List.of(shared("w1", 3), shared("w2", 4), shared("w3", 25)), 10, 1);

    assertThat(manifest.shards()).extracting(Shard::offset).containsExactly(0L, 7L, 17L, 27L);
    assertThat(manifest.shards()).extracting(Shard::length).containsExactly(7, 10, 10, 5);
    assertThat(manifest.shards()).extracting(Shard::lastTensor).containsExactly(1, 2, 2, 2);
  }

  @Test
  void ownersDoNotShareShards() {
    final var own = new TensorShape("head", new long[] {2}, 1);
    final Manifest manifest = Manifest.of(TASKS, List.of(shared("w", 3), own), 10, 1);

    assertThat(manifest.shards()).extracting(Shard::owner).containsExactly(-1, 1);
    assertThat(manifest.touches(0, manifest.shard(1))).isFalse();
    assertThat(manifest.touches(1, manifest.shard(1))).isTrue();
    assertThat(manifest.touches(2, manifest.shard(1))).isTrue();
    assertThat(manifest.touches(0, manifest.shard(0))).isTrue();
  }

  @Test
  void buffersComeLastAndShareShardsWithThoseOfTheSameTasks() {
    final List<TensorShape> shapes =
        List.of(
            shared("w", 3),
            new TensorShape("head", new long[] {2}, 1),
            buffer("mean", 4, 0, 1),
            buffer("variance", 4, 0, 1),
            buffer("head.mean", 2, 1));
    final Manifest manifest = Manifest.of(TASKS, shapes, 10, 1);

    assertThat(manifest.shards()).extracting(Shard::offset).containsExactly(0L, 3L, 5L, 13L);
    assertThat(manifest.shards())
        .extracting(Shard::buffer)
        .containsExactly(false, false, true, true);
    assertThat(manifest.shard(2).shared()).isFalse();
    assertThat(manifest.touches(0, manifest.shard(2))).isTrue();
    assertThat(manifest.touches(0, manifest.shard(3))).isFalse();
    assertThat(manifest.touches(1, manifest.shard(3))).isTrue();
    assertThat(manifest.touches(2, manifest.shard(3))).isTrue();
    assertThat(manifest.parameters()).isEqualTo(5);
    final Manifest read = Manifest.fromRecord(manifest.toRecord());
    assertThat(read.tensors()).isEqualTo(manifest.tensors());
    assertThat(read.shards()).isEqualTo(manifest.shards());
  }

  @Test
  void refusesBuffersInFrontOfParametersAndOfUnknownTasks() {
    for (final List<TensorShape> shapes :
        List.of(
            List.of(buffer("mean", 4, 0), shared("w", 3)),
            List.of(shared("w", 3), buffer("mean", 4, 2)))) {
      assertThatThrownBy(() -> Manifest.of(TASKS, shapes, 10, 1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("then buffers");
    }
    assertThatThrownBy(() -> Manifest.of(TASKS, List.of(buffer("mean", 4, 0)), 10, 1))
        .hasMessage("a model without parameters");
    assertThatThrownBy(() -> buffer("mean", 4, 1, 0)).hasMessageContaining("tasks [1, 0]");
    assertThatThrownBy(() -> buffer("mean", 4)).hasMessageContaining("learns from no task");
  }

  private static TensorShape buffer(String name, long size, Integer... learnsFrom) {
    return TensorShape.buffer(name, new long[] {size}, List.of(learnsFrom));
  }

  @Test
  void refusesTensorsOutOfOrder() {
    final var own = new TensorShape("head", new long[] {2}, 1);
    assertThatThrownBy(() -> Manifest.of(TASKS, List.of(own, shared("w", 3)), 10, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("w[3] is out of order");
  }

  @Test
  void refusesTwoTensorsOfOneName() {
    assertThatThrownBy(() -> Manifest.of(TASKS, List.of(shared("w", 3), shared("w", 3)), 10, 1))
        .hasMessage("two tensors are named w");
  }

  @Property
  void theCutCoversTheVectorAndDoesNotDependOnPartitions(
      @ForAll @Size(min = 1, max = 20) List<@IntRange(min = 1, max = 50) Integer> sizes,
      @ForAll @IntRange(min = 1, max = 30) int shardValues,
      @ForAll @IntRange(min = 1, max = 9) int partitions) {
    final List<TensorShape> shapes = shapes(sizes);
    final Manifest one = Manifest.of(TASKS, shapes, shardValues, 1);
    final Manifest many = Manifest.of(TASKS, shapes, shardValues, partitions);

    long offset = 0;
    for (final Shard shard : many.shards()) {
      assertThat(shard.offset()).isEqualTo(offset);
      assertThat(shard.length()).isBetween(1, shardValues);
      assertThat(one.shard(shard.index()).offset()).isEqualTo(offset);
      offset += shard.length();
    }
    assertThat(offset).isEqualTo(many.size());
    assertThat(one.shards()).hasSameSizeAs(many.shards());
  }

  @Test
  void aTensorLargerThanAPartitionsShareIsDealtOutUnlessItMustStayWhole() {
    final List<TensorShape> shapes = List.of(shared("w", 90), shared("b", 10));

    final Manifest dealt = Manifest.of(TASKS, shapes, 10, 4, false);
    final Manifest whole = Manifest.of(TASKS, shapes, 10, 4, true);

    assertThat(dealt.shards())
        .extracting(Shard::partition)
        .containsExactly(0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
    assertThat(dealt.keepsTensorsTogether()).isFalse();
    assertThat(whole.keepsTensorsTogether()).isTrue();
    assertThat(dealt.hasTensorsOf(whole)).isTrue();
    assertThat(dealt.shards())
        .extracting(Shard::offset)
        .isEqualTo(whole.shards().stream().map(Shard::offset).toList());
  }

  @Property
  void allShardsOfATensorAreOnOnePartition(
      @ForAll @Size(min = 1, max = 20) List<@IntRange(min = 1, max = 50) Integer> sizes,
      @ForAll @IntRange(min = 1, max = 30) int shardValues,
      @ForAll @IntRange(min = 1, max = 9) int partitions) {
    final Manifest manifest = Manifest.of(TASKS, shapes(sizes), shardValues, partitions);
    for (final Tensor tensor : manifest.tensors()) {
      assertThat(
              manifest.shards().stream()
                  .filter(
                      shard ->
                          shard.firstTensor() <= tensor.index()
                              && tensor.index() <= shard.lastTensor())
                  .map(Shard::partition)
                  .distinct())
          .hasSize(1);
    }
  }

  @Property
  void theRecordTellsTheWholeManifest(
      @ForAll @Size(min = 1, max = 20) List<@IntRange(min = 1, max = 50) Integer> sizes,
      @ForAll @IntRange(min = 1, max = 30) int shardValues,
      @ForAll @IntRange(min = 1, max = 9) int partitions) {
    final Manifest manifest = Manifest.of(TASKS, shapes(sizes), shardValues, partitions);
    final Manifest read = Manifest.fromRecord(manifest.toRecord());

    assertThat(read.tensors()).isEqualTo(manifest.tensors());
    assertThat(read.shards()).isEqualTo(manifest.shards());
    assertThat(read.hash()).isEqualTo(manifest.hash());
  }

  private static List<TensorShape> shapes(List<Integer> sizes) {
    final var shapes = new ArrayList<TensorShape>();
    IntStream.range(0, sizes.size()).forEach(i -> shapes.add(shared("t" + i, sizes.get(i))));
    return shapes;
  }

  private static TensorShape shared(String name, long size) {
    return new TensorShape(name, new long[] {size}, TensorShape.SHARED);
  }
}
