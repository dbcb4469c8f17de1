package io.gradstream.chaos;

import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/**
 * Follows the updates of one shard, to tell when the run moves on. Updates that are sent again do
 * not count. One thread.
 */
final class RoundFollower implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(20);

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final TopicPartition partition;
  private long updates;

  RoundFollower(Run run) {
    consumer = new KafkaConsumer<>(run.connection().consumer());
    partition = new TopicPartition(run.topics().updates(), run.manifest().shard(0).partition());
    consumer.assign(List.of(partition));
    consumer.seekToBeginning(List.of(partition));
  }

  /** Rounds that have an update, as far as the topic was read. */
  long poll() {
    for (final ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
      take(record.value());
    }
    return updates;
  }

  /** Rounds that have an update, as far as the topic was read before. */
  long seen() {
    return updates;
  }

  /** The same, with everything that is there at the call. */
  long catchUp() {
    final long end = consumer.endOffsets(List.of(partition)).getOrDefault(partition, 0L);
    while (consumer.position(partition) < end) {
      poll();
    }
    return updates;
  }

  private void take(byte[] value) {
    try {
      final UpdateShard header = ValuesRecord.read(value, UpdateShard.parser()).header();
      if (!header.getInitial()) {
        updates = Math.max(updates, header.getRound() + 1);
      }
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("the updates hold " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    consumer.close();
  }
}
