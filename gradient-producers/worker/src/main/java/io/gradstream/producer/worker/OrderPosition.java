package io.gradstream.producer.worker;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** Which record on the log an order is. */
record OrderPosition(TopicPartition partition, long offset) {
  static OrderPosition of(ConsumerRecord<byte[], byte[]> order) {
    return new OrderPosition(new TopicPartition(order.topic(), order.partition()), order.offset());
  }
}
