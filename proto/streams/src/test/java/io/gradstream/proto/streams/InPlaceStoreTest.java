package io.gradstream.proto.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.streams.FaultyClients.Moment;
import io.gradstream.proto.streams.Sums.Add;
import io.gradstream.proto.topic.Connection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/** What the store keeps when records get lost, clocks turn back and nothing happens. */
class InPlaceStoreTest {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static Connection connection;

  private final AtomicInteger flushes = new AtomicInteger();
  private final AtomicLong clockOffsetMs = new AtomicLong();
  private String name;
  private int starts;

  @BeforeAll
  static void startBroker() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
    connection = Connection.to(kafka.bootstrapServers());
  }

  @AfterAll
  static void stopBroker() {
    kafka.close();
  }

  @BeforeEach
  void createTopics(TestInfo test) throws Exception {
    name = test.getTestMethod().orElseThrow().getName();
    try (var admin = connection.admin()) {
      admin
          .createTopics(
              Stream.of("in", "out", "other", "other-out")
                  .map(topic -> new NewTopic(topic(topic), 1, (short) 1))
                  .toList())
          .all()
          .get();
    }
  }

  /**
   * Kafka Streams throws the other task's error at this one, and means to bring only the other back
   * to its commit.
   */
  @Test
  void aTaskThatAnotherTasksLostRecordInterruptedGoesBackToItsCommit() {
    final var clients = clients(Moment.BETWEEN_OUTPUTS);
    try (var streams = start(clients, 600_000)) {
      send("in", new Add(0, 1, true).bytes());
      awaitSums(1, 1, 1, 0, 0);
      clients.arm();
      send("other", new byte[1]);
      await().atMost(PATIENCE).until(clients::isLost);

      send("in", new Add(0, 2, false).bytes());
      awaitSums(2, 3, 3, 0, 0);
      send("in", new Add(1, 4, true).bytes());
      awaitSums(3, 3, 3, 4, 4);
      awaitCommitted(3);

      assertThat(clients.happened()).isTrue();
      assertThat(streams.state().isRunningOrRebalancing()).isTrue();
    }
    try (var streams = start(clients(Moment.NEVER), 600_000)) {
      send("in", new Add(1, 8, false).bytes());
      awaitSums(4, 3, 3, 12, 12);
      assertThat(streams.state().isRunningOrRebalancing()).isTrue();
    }
  }

  /** The flush reports the other task's record and not this one's. */
  @Test
  void changesWhoseLossNobodyReportedAreWrittenAgainBeforeOffsetsAreCommitted() {
    final var clients = clients(Moment.AT_FLUSH);
    try (var streams = start(clients, 600_000)) {
      send("in", new Add(0, 1, false).bytes());
      send("in", new Add(1, 10, true).bytes());
      awaitCommitted(2);
      clients.arm();
      send("other", new byte[1]);
      await().atMost(PATIENCE).until(clients::isLost);

      send("in", new Add(0, 2, true).bytes());
      awaitCommitted(3);
      send("in", new Add(1, 20, true).bytes());
      awaitCommitted(4);

      assertThat(clients.happened()).isTrue();
      assertThat(streams.state().isRunningOrRebalancing()).isTrue();
    }
    try (var streams = start(clients(Moment.NEVER), 600_000)) {
      send("in", new Add(0, 4, false).bytes());
      awaitSums(5, 7, 7, 30, 30);
      assertThat(streams.state().isRunningOrRebalancing()).isTrue();
    }
  }

  @Test
  void aClockThatIsSetBackDoesNotStopTheCommits() {
    try (var streams = start(clients(Moment.NEVER), 100)) {
      send("in", new Add(0, 1, false).bytes());
      awaitCommitted(1);

      clockOffsetMs.set(-Duration.ofHours(1).toMillis());
      for (int i = 2; i < 5; i++) {
        send("in", new Add(0, 1, false).bytes());
        awaitSums(i, i, i, 0, 0);
      }
      await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(50))
          .until(
              () -> {
                // Records go on coming, and change nothing.
                send("in", new Add(0, 0, false).bytes());
                return committed() >= 5;
              });
      assertThat(streams.state().isRunningOrRebalancing()).isTrue();
    }
  }

  @Test
  void whereNothingHappensNothingIsWritten() {
    try (var streams = start(clients(Moment.NEVER), 50)) {
      send("in", new Add(0, 1, false).bytes());
      awaitCommitted(1);
      final long written = end(changelog());
      final int before = flushes.get();

      await().atMost(PATIENCE).until(() -> flushes.get() >= before + 3);

      assertThat(written).isPositive();
      assertThat(end(changelog())).isEqualTo(written);
      assertThat(streams.state().isRunningOrRebalancing()).isTrue();
    }
  }

  private FaultyClients clients(Moment moment) {
    return new FaultyClients(moment, topic("other-out"), topic("out"));
  }

  private KafkaStreams start(FaultyClients clients, int commitMs) {
    final var config = new Properties();
    config.putAll(connection.client());
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, name);
    config.put(StreamsConfig.STATE_DIR_CONFIG, directory.resolve(name + "-" + starts++).toString());
    config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commitMs);
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    config.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    config.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), "one");
    final var topology = new Topology();
    topology
        .addSource("in", topic("in"))
        .addProcessor("adder", () -> new Sums(new LogReader(connection, name), flushes), "in")
        .addStateStore(InPlaceStore.builder(Sums.STORE), "adder")
        .addSink("out", topic("out"), "adder");
    topology.addSource("other", topic("other")).addSink("other-out", topic("other-out"), "other");
    final var streams = new KafkaStreams(topology, config, clients, new MovableTime());
    streams.start();
    return streams;
  }

  private String topic(String topic) {
    return name + "." + topic;
  }

  private TopicPartition changelog() {
    return new TopicPartition(name + "-" + Sums.STORE + "-changelog", 0);
  }

  private void send(String topic, byte[] value) {
    try (var producer = new KafkaProducer<byte[], byte[]>(connection.producer())) {
      final var _ = producer.send(new ProducerRecord<>(topic(topic), 0, null, value));
    }
  }

  /** Waits for the sums after so many records. */
  private void awaitSums(long records, float... values) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              final Sums.After after = last();
              assertThat(after.records()).isEqualTo(records);
            });
    assertThat(last().values()).containsExactly(values);
  }

  private Sums.After last() {
    try (var log = new LogReader(connection, name)) {
      return log.last(new TopicPartition(topic("out"), 0))
          .map(record -> Sums.After.of(record.bytes()))
          .orElse(new Sums.After(0, new float[4]));
    }
  }

  private void awaitCommitted(long offset) {
    await().atMost(PATIENCE).until(() -> committed() >= offset);
  }

  private long committed() {
    try (var log = new LogReader(connection, name)) {
      return log.committed(new TopicPartition(topic("in"), 0));
    }
  }

  private long end(TopicPartition partition) {
    try (var log = new LogReader(connection, name)) {
      return log.end(partition);
    }
  }

  /** The wall clock, as the test sets it. */
  private final class MovableTime implements Time {
    @Override
    public long milliseconds() {
      return Time.SYSTEM.milliseconds() + clockOffsetMs.get();
    }

    @Override
    public long nanoseconds() {
      return Time.SYSTEM.nanoseconds();
    }

    @Override
    public void sleep(long ms) {
      Time.SYSTEM.sleep(ms);
    }

    @Override
    public void waitObject(
        Object object, java.util.function.Supplier<Boolean> condition, long deadlineMs)
        throws InterruptedException {
      Time.SYSTEM.waitObject(object, condition, deadlineMs - clockOffsetMs.get());
    }
  }
}
