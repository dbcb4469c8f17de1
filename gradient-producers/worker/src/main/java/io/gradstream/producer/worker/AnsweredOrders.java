package io.gradstream.producer.worker;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The orders that workers of a process answered last.
 *
 * <p>An order whose lock ended while its slot was computed is delivered again although the brokers
 * have the gradient, and would be computed again, and again too slowly. The record is remembered,
 * not the slot: when the server orders a slot once more, because its gradient was refused or lost,
 * that order is another record. Thread-safe.
 */
final class AnsweredOrders {
  /** Twice what a share group hands out in one go, for a few hundred workers. */
  private static final int REMEMBERED = 4096;

  private final Map<OrderPosition, Boolean> answered =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<OrderPosition, Boolean> eldest) {
          return size() > REMEMBERED;
        }
      };

  /** Remembers an order whose whole gradient the brokers have. */
  synchronized void add(ConsumerRecord<byte[], byte[]> order) {
    answered.put(OrderPosition.of(order), true);
  }

  /** Whether the order is one that was answered. */
  synchronized boolean contains(ConsumerRecord<byte[], byte[]> order) {
    return answered.containsKey(OrderPosition.of(order));
  }
}
