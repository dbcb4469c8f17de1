package io.gradstream.proto.streams;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.LogReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reading a log by its offsets, and holding what comes before its turn. */
class LogReaderTest {
  /** More than a consumer hands over in one poll. */
  private static final int RECORDS = 1500;

  private static final TopicPartition NUMBERS = new TopicPartition("numbers", 0);
  private static final TopicPartition OTHERS = new TopicPartition("others", 0);

  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static Connection connection;

  @BeforeAll
  static void write() throws Exception {
    kafka = EmbeddedKafka.start(directory, 0);
    connection = Connection.to(kafka.bootstrapServers());
    try (var admin = connection.admin()) {
      admin
          .createTopics(
              List.of(
                  new NewTopic(NUMBERS.topic(), 1, (short) 1),
                  new NewTopic(OTHERS.topic(), 1, (short) 1)))
          .all()
          .get();
      admin.listTopics().names().get();
    }
    try (var producer = new KafkaProducer<byte[], byte[]>(connection.producer())) {
      final var sent = new ArrayList<Future<RecordMetadata>>();
      for (int i = 0; i < RECORDS; i++) {
        sent.add(
            producer.send(new ProducerRecord<>(NUMBERS.topic(), 0, null, new byte[] {(byte) i})));
      }
      sent.add(producer.send(new ProducerRecord<>(OTHERS.topic(), 0, null, new byte[] {77})));
      for (final var each : sent) {
        each.get();
      }
    }
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @Test
  void whoReadsMayReadElsewhereInBetweenAndMissesNothing() {
    final var offsets = new ArrayList<Long>();
    try (var log = new LogReader(connection, "nested")) {
      log.read(
          NUMBERS,
          5,
          RECORDS,
          record -> {
            offsets.add(record.offset());
            if (record.offset() % 100 == 0) {
              assertThat(log.last(OTHERS)).get().extracting(r -> r.value()[0]).isEqualTo((byte) 77);
              assertThat(log.read(NUMBERS, record.offset() - 3))
                  .containsExactly((byte) (record.offset() - 3));
            }
          });
    }

    assertThat(offsets)
        .containsExactlyElementsOf(IntStream.range(5, RECORDS).mapToObj(Long::valueOf).toList());
  }

  @Test
  void recordsOfOneTurnComeInTheOrderOfTheLogAndThoseThatDoNotFitInMemoryFromThere() {
    try (var log = new LogReader(connection, "held")) {
      final var held = new HeldRecords<>(Comparator.<Integer>naturalOrder(), log, 2);
      for (int offset = 10; offset < 14; offset++) {
        held.hold(7, NUMBERS, offset, new byte[] {(byte) offset});
      }
      held.hold(3, NUMBERS, 20);

      assertThat(placesOf(held)).containsExactly("3: 20", "7: 10", "7: 11", "7: 12", "7: 13");
      for (int offset = 10; offset < 13; offset++) {
        final HeldRecords.@Nullable Taken taken = held.take(7);
        assertThat(taken).isNotNull();
        assertThat(taken.offset()).isEqualTo(offset);
        assertThat(taken.record()).containsExactly((byte) offset);
      }
      assertThat(held.contains(7)).isTrue();

      held.dropBefore(7);

      assertThat(placesOf(held)).containsExactly("7: 13");
      assertThat(held.take(3)).isNull();
    }
  }

  @Test
  void whatIsDroppedMakesRoom() {
    try (var log = new LogReader(connection, "dropped")) {
      final var held = new HeldRecords<>(Comparator.<Integer>naturalOrder(), log, 2);
      held.hold(1, NUMBERS, 0, new byte[] {101, 101});

      held.dropBefore(2);
      held.hold(2, NUMBERS, 1, new byte[] {102, 102});

      // Not what lies at that offset: these are the bytes that were held.
      assertThat(held.take(2)).isNotNull();
      held.hold(3, NUMBERS, 2, new byte[] {103, 103});
      assertThat(held.take(3))
          .extracting(HeldRecords.Taken::record)
          .isEqualTo(new byte[] {103, 103});
    }
  }

  private static List<String> placesOf(HeldRecords<Integer> held) {
    final var places = new ArrayList<String>();
    held.forEach((turn, offset) -> places.add(turn + ": " + offset));
    return places;
  }
}
