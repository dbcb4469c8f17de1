package io.gradstream.producer.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockShareConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

class HeldOrdersTest {
  private static final ConsumerRecord<byte[], byte[]> ORDER =
      new ConsumerRecord<>("orders.a", 0, 5, null, new byte[0]);

  /** Brokers that are away for a while end no worker: the orders go to others, and it goes on. */
  @Test
  void acknowledgementsThatNobodyAnswersAreNoFault() {
    final var silent = new SilentBrokers();
    silent.subscribe(List.of("orders.a"));
    final var held = new HeldOrders(silent, new OrderBatch(List.of(ORDER)), Duration.ofMillis(1));

    assertThat(held.renew()).isZero();
    held.giveUp();

    assertThat(silent.asked).isEqualTo(2);
    assertThat(silent.subscription()).isEmpty();
  }

  private static final class SilentBrokers extends MockShareConsumer<byte[], byte[]> {
    private int asked;

    @Override
    public synchronized Map<TopicIdPartition, Optional<KafkaException>> commitSync(
        Duration timeout) {
      asked++;
      throw new TimeoutException("ShareAcknowledgeSyncEvent is past its expiration");
    }
  }
}
