package io.gradstream.producer.worker;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The orders that a worker took in one go, and what came of each. The thread that computes their
 * slots answers them, and the thread that took them acknowledges them by these answers.
 * Thread-safe.
 */
final class OrderBatch {
  private final List<ConsumerRecord<byte[], byte[]>> orders;
  private final Map<OrderPosition, AcknowledgeType> answers = new ConcurrentHashMap<>();
  private volatile long slotBegin = System.nanoTime();
  private volatile boolean stopped;

  OrderBatch(Iterable<ConsumerRecord<byte[], byte[]>> orders) {
    this.orders = new ArrayList<>();
    orders.forEach(this.orders::add);
  }

  /** In the order in which they are computed. */
  List<ConsumerRecord<byte[], byte[]>> orders() {
    return orders;
  }

  /** Whether an order is one of these. */
  boolean contains(ConsumerRecord<byte[], byte[]> order) {
    final OrderPosition position = OrderPosition.of(order);
    return orders.stream().anyMatch(each -> OrderPosition.of(each).equals(position));
  }

  /** The next slot begins; the time that a slot takes counts from here. */
  void beginSlot() {
    slotBegin = System.nanoTime();
  }

  /** For how long the slot that is being computed has been. */
  Duration slotAge() {
    return Duration.ofNanos(System.nanoTime() - slotBegin);
  }

  /** Says how an order is to be acknowledged. */
  void answer(ConsumerRecord<byte[], byte[]> order, AcknowledgeType answer) {
    answers.put(OrderPosition.of(order), answer);
  }

  /** How an order is to be acknowledged; one without an answer goes to another worker. */
  AcknowledgeType answerOf(ConsumerRecord<byte[], byte[]> order) {
    return answers.getOrDefault(OrderPosition.of(order), AcknowledgeType.RELEASE);
  }

  /** No further slot of it is begun. */
  void stop() {
    stopped = true;
  }

  boolean isStopped() {
    return stopped;
  }
}
