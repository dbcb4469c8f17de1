package io.gradstream.proto.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.errors.StreamsException;
import org.junit.jupiter.api.Test;

class StreamsServiceTest {
  /** Kafka Streams goes on to use a producer after its commit timed out, and it refuses all. */
  @Test
  void aProducerThatWaitsForTheEndOfATransactionIsReplacedWithItsThread() {
    final Map<String, Object> settings =
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
            "127.0.0.1:1",
            ProducerConfig.TRANSACTIONAL_ID_CONFIG,
            "test",
            ProducerConfig.MAX_BLOCK_MS_CONFIG,
            100);
    final var bytes = new ByteArraySerializer();
    try (var producer = new KafkaProducer<>(settings, bytes, bytes)) {
      assertThat(catchThrowable(producer::initTransactions)).isInstanceOf(TimeoutException.class);

      final Throwable refused = catchThrowable(producer::beginTransaction);

      assertThat(refused).isInstanceOf(IllegalStateException.class);
      assertThat(StreamsService.passes(new StreamsException("sending", refused))).isTrue();
    }
  }

  @Test
  void faultsOfTheClusterPassAndOthersDoNot() {
    assertThat(StreamsService.passes(new StreamsException(new TimeoutException()))).isTrue();
    assertThat(StreamsService.passes(new StreamsException(new RecordTooLargeException())))
        .isFalse();
    assertThat(StreamsService.passes(new IllegalStateException("a defect of ours"))).isFalse();
  }
}
