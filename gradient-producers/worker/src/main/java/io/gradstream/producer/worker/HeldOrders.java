package io.gradstream.producer.worker;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ShareConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.WakeupException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The orders of a batch whose locks a worker has.
 *
 * <p>A renewed order is the consumer's until its next poll gives it back, and only then it can be
 * acknowledged. One that does not come back is another worker's, or comes with a later poll and is
 * then known as answered. Confined to the thread that polls.
 */
final class HeldOrders {
  private static final Logger LOG = LoggerFactory.getLogger(HeldOrders.class);

  private final Duration patience;

  private final ShareConsumer<byte[], byte[]> consumer;
  private final OrderBatch batch;
  private final List<ConsumerRecord<byte[], byte[]>> held;

  /** Those that were renewed and did not come back yet. */
  private final Set<OrderPosition> away = new HashSet<>();

  /**
   * @param batch what the last poll brought
   * @param patience how long the brokers may take for each answer
   */
  HeldOrders(ShareConsumer<byte[], byte[]> consumer, OrderBatch batch, Duration patience) {
    this.consumer = consumer;
    this.batch = batch;
    this.patience = patience;
    this.held = new ArrayList<>(batch.orders());
  }

  /**
   * Has all their locks begin anew. Whatever else the poll brings goes back at once: the worker is
   * busy.
   *
   * @return how many locks the brokers refused to renew, because they are others' now
   */
  int renew() {
    if (held.isEmpty() && away.isEmpty()) {
      return 0; // a poll would bring orders that this worker has no time for
    }
    for (final ConsumerRecord<byte[], byte[]> order : held) {
      consumer.acknowledge(order, AcknowledgeType.RENEW);
      away.add(OrderPosition.of(order));
    }
    held.clear();
    final int before = away.size();
    commit()
        .forEach(
            (partition, failure) -> {
              if (failure.isPresent()) {
                away.removeIf(order -> order.partition().equals(partition.topicPartition()));
              }
            });
    final int lost = before - away.size();
    for (final ConsumerRecord<byte[], byte[]> order : undisturbed(() -> consumer.poll(patience))) {
      away.remove(OrderPosition.of(order));
      if (batch.contains(order)) {
        held.add(order);
      } else {
        consumer.acknowledge(order, AcknowledgeType.RELEASE);
      }
    }
    return lost;
  }

  /** Acknowledges them by their answers; the brokers hear of it with the next call. */
  void acknowledge() {
    held.forEach(order -> consumer.acknowledge(order, batch.answerOf(order)));
    held.clear();
  }

  /**
   * Gives up those without an answer, and leaves the group so that others get this worker's
   * partitions.
   */
  void giveUp() {
    acknowledge();
    commit();
    undisturbed(
        () -> {
          consumer.unsubscribe();
          return true;
        });
  }

  /**
   * Has the brokers take the acknowledgements, and returns which they refused. Where they do not
   * answer in time nothing is known: a lock that was not renewed ends, and its order goes to
   * another worker.
   */
  private Map<TopicIdPartition, Optional<KafkaException>> commit() {
    try {
      return undisturbed(() -> consumer.commitSync(patience));
    } catch (TimeoutException e) {
      LOG.warn("the brokers do not answer a worker's acknowledgements within {}", patience);
      return Map.of();
    }
  }

  /** A closing worker is woken once, which must not lose what it holds. */
  private static <T> T undisturbed(Supplier<T> call) {
    try {
      return call.get();
    } catch (WakeupException e) {
      return call.get();
    }
  }
}
