package io.gradstream.proto.streams;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.topic.Connection;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
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
              assertThat(log.last(OTHERS)).get().extracting(r -> r.bytes()[0]).isEqualTo((byte) 77);
              assertThat(log.read(NUMBERS, record.offset() - 3))
                  .containsExactly((byte) (record.offset() - 3));
            }
          });
    }

    assertThat(offsets)
        .containsExactlyElementsOf(IntStream.range(5, RECORDS).mapToObj(Long::valueOf).toList());
  }

  /** As after a broker lost its end: what is appended then would be taken for what was there. */
  @Test
  void aPositionBeyondTheEndIsFoundOutAndNotWaitedFor() throws Exception {
    try (var admin = connection.admin();
        var log = new LogReader(connection, "truncated")) {
      admin
          .alterConsumerGroupOffsets(
              "truncated", Map.of(NUMBERS, new OffsetAndMetadata(RECORDS + 300)))
          .all()
          .get();
      final var positions = new InputPositions(log);
      positions.restore(Map.of(NUMBERS.topic(), RECORDS + 500L));
      final var read = new ArrayList<Long>();

      positions.catchUp(NUMBERS, (offset, value) -> read.add(offset));

      assertThat(read).isEmpty();
      assertThat(positions.contains(NUMBERS.topic(), RECORDS - 1)).isTrue();
      assertThat(positions.contains(NUMBERS.topic(), RECORDS)).isFalse();

      positions.restore(Map.of(NUMBERS.topic(), RECORDS - 2L));
      positions.catchUp(NUMBERS, (offset, value) -> read.add(offset));
      assertThat(read).containsExactly(RECORDS - 2L, RECORDS - 1L);
      assertThat(positions.truncate(NUMBERS)).isFalse();
    }
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

  @Test
  void recordsAtOffsetsFarAndNearComeInOrder() {
    final var offsets = List.of(1400L, 3L, 7L, 900L, 8L, 905L);
    final var read = new ArrayList<Long>();
    try (var log = new LogReader(connection, "at")) {
      log.readAt(NUMBERS, offsets, record -> read.add(record.offset()));
    }

    assertThat(read).containsExactlyElementsOf(offsets.stream().sorted().toList());
  }

  @Test
  void aRecordThatTheLogHasLetGoIsNotHeldAnyMore() throws Exception {
    final TopicPartition expired = fourRecords("expired");
    try (var log = new LogReader(connection, "expired")) {
      final var held = new HeldRecords<>(Comparator.<Integer>naturalOrder(), log, 100);
      held.hold(1, expired, 0);
      held.hold(2, expired, 1);
      held.hold(2, expired, 3);

      deleteBefore(expired, 2);

      assertThat(held.isReady(1)).isFalse();
      assertThat(held.take(1)).isNull();
      assertThat(held.contains(1)).isFalse();
      final HeldRecords.@Nullable Taken taken = held.take(2);
      assertThat(taken).isNotNull();
      assertThat(taken.offset()).isEqualTo(3);
      assertThat(taken.record()).containsExactly((byte) 3);
      assertThat(held.take(2)).isNull();
    }
  }

  /** To read them one by one takes a fetch each, most of which is thrown away. */
  @Test
  void withARecordThoseOfTheNextTurnsAreReadAgain() throws Exception {
    final TopicPartition block = fourRecords("block");
    try (var log = new LogReader(connection, "block")) {
      final var held = new HeldRecords<>(Comparator.<Integer>naturalOrder(), log, 0);
      for (int turn = 0; turn < 4; turn++) {
        held.hold(turn, block, 3 - turn);
      }
      assertThat(held.take(0)).isNotNull();

      deleteBefore(block, 4);

      for (int turn = 1; turn < 4; turn++) {
        assertThat(held.take(turn))
            .extracting(HeldRecords.Taken::record)
            .isEqualTo(new byte[] {(byte) (3 - turn)});
      }
    }
  }

  private static TopicPartition fourRecords(String topic) throws Exception {
    try (var admin = connection.admin();
        var producer = new KafkaProducer<byte[], byte[]>(connection.producer())) {
      admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
      for (int i = 0; i < 4; i++) {
        producer.send(new ProducerRecord<>(topic, 0, null, new byte[] {(byte) i})).get();
      }
    }
    return new TopicPartition(topic, 0);
  }

  private static void deleteBefore(TopicPartition partition, long offset) throws Exception {
    try (var admin = connection.admin()) {
      admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(offset))).all().get();
    }
  }

  private static List<String> placesOf(HeldRecords<Integer> held) {
    final var places = new ArrayList<String>();
    held.forEach((turn, offset) -> places.add(turn + ": " + offset));
    return places;
  }
}
