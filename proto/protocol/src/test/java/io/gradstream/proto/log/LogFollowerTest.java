package io.gradstream.proto.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.topic.ClockWatch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.junit.jupiter.api.Test;

class LogFollowerTest {
  private static final TopicPartition ONE = new TopicPartition("one", 0);
  private static final TopicPartition OTHER = new TopicPartition("other", 1);

  private final List<MockConsumer<byte[], byte[]>> opened = new ArrayList<>();
  private long wallMs = 1_000_000_000;
  private final LogFollower follower =
      new LogFollower(this::open, new ClockWatch(() -> wallMs, () -> 0));

  private MockConsumer<byte[], byte[]> open() {
    final var consumer = new MockConsumer<byte[], byte[]>("earliest");
    consumer.updateBeginningOffsets(Map.of(ONE, 0L, OTHER, 2L));
    opened.add(consumer);
    return consumer;
  }

  @Test
  void itReadsEachPartitionFromItsBeginningToItsEndAndThenOn() {
    follower.follow(List.of(ONE, OTHER));
    write(ONE, 0, 3);
    write(OTHER, 2, 4);
    final var read = new ArrayList<String>();

    follower.catchUp(record -> read.add(record.source() + "@" + record.offset()));

    assertThat(read)
        .containsExactlyInAnyOrder("one-0@0", "one-0@1", "one-0@2", "other-1@2", "other-1@3");
    assertThat(follower.isPast(follower.ends(List.of(ONE, OTHER)))).isTrue();
    assertThat(follower.poll(Duration.ZERO)).isEmpty();

    write(ONE, 3, 4);
    assertThat(follower.isPast(follower.ends(List.of(ONE)))).isFalse();
    assertThat(follower.poll(Duration.ZERO)).extracting(LogRecord::offset).containsExactly(3L);
  }

  @Test
  void itTurnsToPlacesAndStaysWhereItStands() {
    follower.turnTo(ONE, 1);
    write(ONE, 0, 3);

    assertThat(follower.await()).extracting(LogRecord::offset).containsExactly(1L, 2L);
    follower.turnTo(ONE, 3);
    assertThat(follower.position(ONE)).isEqualTo(3);

    follower.turnTo(OTHER, 3);
    write(OTHER, 2, 4);
    assertThat(follower.await()).extracting(LogRecord::offset).containsExactly(3L);
  }

  @Test
  void whoWaitsIsWoken() {
    follower.follow(List.of(ONE));
    follower.wakeup();

    assertThatThrownBy(() -> follower.poll(Duration.ofMinutes(1)))
        .isInstanceOf(WakeupException.class);
  }

  @Test
  void itGoesOnWithANewConsumerWhereTheClockIsSetBack() {
    follower.follow(List.of(ONE, OTHER));
    write(ONE, 0, 3);
    assertThat(follower.poll(Duration.ZERO)).hasSize(3);

    wallMs -= Duration.ofHours(1).toMillis();
    follower.poll(Duration.ZERO);
    write(ONE, 0, 5);
    write(OTHER, 2, 3);

    assertThat(opened).hasSize(2);
    assertThat(opened.getFirst().closed()).isTrue();
    assertThat(follower.poll(Duration.ZERO))
        .extracting(record -> record.source() + "@" + record.offset())
        .containsExactlyInAnyOrder("one-0@3", "one-0@4", "other-1@2");
  }

  private void write(TopicPartition partition, long from, long to) {
    final MockConsumer<byte[], byte[]> consumer = opened.getLast();
    for (long offset = from; offset < to; offset++) {
      consumer.addRecord(
          new ConsumerRecord<>(
              partition.topic(), partition.partition(), offset, new byte[0], new byte[] {1}));
    }
    consumer.updateEndOffsets(Map.of(partition, to));
  }
}
