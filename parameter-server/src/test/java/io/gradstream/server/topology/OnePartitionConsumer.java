package io.gradstream.server.topology;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.TopicPartition;

/** Reads a log of which one partition alone holds something. */
final class OnePartitionConsumer extends MockConsumer<byte[], byte[]> {
  private final TopicPartition partition;
  private final List<byte[]> values;

  OnePartitionConsumer(TopicPartition partition, List<byte[]> values) {
    super("earliest");
    this.partition = partition;
    this.values = values;
  }

  @Override
  public synchronized Map<TopicPartition, Long> endOffsets(Collection<TopicPartition> of) {
    final var ends = new HashMap<TopicPartition, Long>();
    of.forEach(each -> ends.put(each, each.equals(partition) ? (long) values.size() : 0L));
    return ends;
  }

  @Override
  public synchronized ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
    final var records = new ArrayList<ConsumerRecord<byte[], byte[]>>();
    for (int at = (int) position(partition); at < values.size(); at++) {
      records.add(
          new ConsumerRecord<>(
              partition.topic(), partition.partition(), at, new byte[0], values.get(at)));
    }
    seek(partition, values.size());
    return new ConsumerRecords<>(Map.of(partition, records), Map.of());
  }
}
