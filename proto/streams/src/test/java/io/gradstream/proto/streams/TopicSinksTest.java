package io.gradstream.proto.streams;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.MessageLite;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.topic.TopicKind;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TopicSinksTest {
  private static final Manifest MANIFEST =
      Manifest.of(
          List.of("a"),
          List.of(
              new TensorShape("u", new long[] {5}, TensorShape.SHARED),
              new TensorShape("v", new long[] {5}, TensorShape.SHARED),
              new TensorShape("w", new long[] {5}, TensorShape.SHARED)),
          5,
          2);

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void aShardGoesToThePartitionThatTheManifestGivesIt(int shard) {
    for (final TopicKind kind : List.of(TopicKind.WEIGHTS, TopicKind.UPDATES)) {
      assertThat(partitions(kind, Keys.shard(shard), Metric.getDefaultInstance(), 2))
          .containsExactly(MANIFEST.shard(shard).partition());
    }
    assertThat(MANIFEST.shards()).extracting("partition").contains(0, 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aSealGoesToTheShardsThatItSeals(int partition) {
    final var seal = WeightSeal.newBuilder().setPartition(partition).build();

    assertThat(partitions(TopicKind.WEIGHTS, Keys.seal(), seal, 2)).containsExactly(partition);
  }

  @Test
  void eachPartitionGetsACopyOfAVerdict() {
    assertThat(partitions(TopicKind.VERDICTS, Keys.round(7), Verdict.getDefaultInstance(), 3))
        .containsExactlyInAnyOrder(0, 1, 2);
  }

  @Test
  void anOrderThatIsGivenAgainGoesToAnotherPartition() {
    final var order = Order.newBuilder().setSlot(3);

    assertThat(partitions(TopicKind.ORDERS, Keys.shard(3), order.setAttempt(0).build(), 4))
        .containsExactly(3);
    assertThat(partitions(TopicKind.ORDERS, Keys.shard(3), order.setAttempt(1).build(), 4))
        .containsExactly(0);
  }

  private static Set<Integer> partitions(
      TopicKind kind, byte[] key, MessageLite message, int partitions) {
    return TopicSinks.partitioner(kind, MANIFEST)
        .partitions("any", key, message.toByteArray(), new RecordHeaders(), partitions)
        .orElseThrow();
  }
}
