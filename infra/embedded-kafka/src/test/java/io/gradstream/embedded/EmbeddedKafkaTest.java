package io.gradstream.embedded;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.metadata.FeatureLevelRecord;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.MetadataVersion;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedKafkaTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir Path directory;

  @Test
  void deliversWhatWasProduced() throws Exception {
    try (var kafka = EmbeddedKafka.start(directory, 0)) {
      createTopic(kafka, "words");
      produce(kafka, "words", "one", "two");

      assertThat(readAll(kafka, "words", 2)).containsExactly("one", "two");
    }
  }

  @Test
  void keepsItsDataAndItsPortAcrossARestart() throws Exception {
    final String address;
    try (var kafka = EmbeddedKafka.start(directory, 0)) {
      address = kafka.bootstrapServers();
      createTopic(kafka, "words");
      produce(kafka, "words", "kept");
    }

    try (var kafka = EmbeddedKafka.start(directory, 0)) {
      assertThat(kafka.bootstrapServers()).isEqualTo(address);
      assertThat(readAll(kafka, "words", 1)).containsExactly("kept");
    }
  }

  @Test
  void aShareGroupDeliversEachRecordOnceAndAgainWhenReleased() throws Exception {
    try (var kafka = EmbeddedKafka.start(directory, 0)) {
      createTopic(kafka, "orders");
      readShareGroupFromTheStart(kafka, "workers");
      produce(kafka, "orders", "a", "b", "c");

      final List<String> accepted = new ArrayList<>();
      final Map<String, Short> deliveries = new HashMap<>();
      try (var consumer = shareConsumer(kafka, "workers")) {
        consumer.subscribe(List.of("orders"));
        await()
            .atMost(PATIENCE)
            .until(
                () -> {
                  for (var record : consumer.poll(Duration.ofMillis(100))) {
                    final String value = new String(record.value(), UTF_8);
                    final short count = record.deliveryCount().orElseThrow();
                    deliveries.put(value, count);
                    final boolean refuse = value.equals("b") && count == 1;
                    consumer.acknowledge(
                        record, refuse ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT);
                    if (!refuse) {
                      accepted.add(value);
                    }
                  }
                  consumer.commitSync();
                  return accepted.size() == 3;
                });
      }

      assertThat(accepted).containsExactlyInAnyOrder("a", "b", "c");
      assertThat(deliveries).containsEntry("a", (short) 1).containsEntry("b", (short) 2);
    }
  }

  @Test
  void threeNodesLoseNothingWhenOneIsGone() throws Exception {
    final List<Integer> controllers = freePorts(3);
    final List<EmbeddedKafka> nodes = startAll(controllers);
    try (var admin = admin(nodes.getFirst())) {
      admin.createTopics(List.of(new NewTopic("words", 1, (short) 3))).all().get();
      produce(nodes.getFirst(), "words", "before");

      nodes.get(1).close();
      produce(nodes.getFirst(), "words", "after");

      assertThat(readAll(nodes.getLast(), "words", 2)).containsExactly("before", "after");
    } finally {
      // A node that stops last has no majority left to take leave from, and waits for one.
      try (var threads = Executors.newFixedThreadPool(nodes.size())) {
        nodes.forEach(node -> threads.execute(node::close));
      }
    }
  }

  private static List<Integer> freePorts(int count) throws IOException {
    final var ports = new ArrayList<Integer>();
    final var sockets = new ArrayList<ServerSocket>();
    for (int i = 0; i < count; i++) {
      sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      ports.add(sockets.getLast().getLocalPort());
    }
    for (final ServerSocket socket : sockets) {
      socket.close();
    }
    return ports;
  }

  private List<EmbeddedKafka> startAll(List<Integer> controllers) throws Exception {
    try (var threads = Executors.newFixedThreadPool(controllers.size())) {
      final var starts = new ArrayList<Future<EmbeddedKafka>>();
      for (int id = 1; id <= controllers.size(); id++) {
        final var node = new ClusterNode(id, controllers);
        starts.add(
            threads.submit(
                () -> EmbeddedKafka.start(directory.resolve("node-" + node.id()), 0, node)));
      }
      final var nodes = new ArrayList<EmbeddedKafka>();
      for (final Future<EmbeddedKafka> start : starts) {
        nodes.add(start.get());
      }
      return nodes;
    }
  }

  @Test
  void refusesADirectoryThatAnotherBrokerUses() {
    try (var kafka = EmbeddedKafka.start(directory, 0)) {
      assertThat(kafka.bootstrapServers()).startsWith("127.0.0.1:");
      assertThatThrownBy(() -> EmbeddedKafka.start(directory, 0))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("another process (pid " + ProcessHandle.current().pid() + ") uses")
          .hasMessageContaining(directory.toString());
    }
  }

  @Test
  void isFoundByItsDirectoryWhileItRuns() {
    assertThat(EmbeddedKafka.findRunning(directory)).isEmpty();
    try (var kafka = EmbeddedKafka.start(directory, 0)) {
      assertThat(EmbeddedKafka.findRunning(directory)).contains(kafka.bootstrapServers());
    }
    assertThat(EmbeddedKafka.findRunning(directory)).isEmpty();
  }

  @Test
  void refusesAPortThatIsTaken() throws Exception {
    try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      assertThatThrownBy(() -> EmbeddedKafka.start(directory, taken.getLocalPort()))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("port " + taken.getLocalPort() + " is taken");
    }
  }

  @Test
  void refusesADirectoryThatIsAFile() throws Exception {
    final Path file = Files.createFile(directory.resolve("file"));

    assertThatThrownBy(() -> EmbeddedKafka.start(file, 0))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("cannot use the data directory " + file);
  }

  @Test
  void refusesADirectoryThatANewerKafkaFormatted() throws Exception {
    final String log = Files.createDirectories(directory.resolve("log")).toString();
    new Formatter()
        .setPrintStream(new PrintStream(OutputStream.nullOutputStream(), false, UTF_8))
        .setClusterId(Uuid.randomUuid().toString())
        .setNodeId(1)
        .setControllerListenerName("CONTROLLER")
        .setMetadataLogDirectory(log)
        .addDirectory(log)
        .setUnstableFeatureVersionsEnabled(true)
        .setReleaseVersion(MetadataVersion.latestTesting())
        .run();

    refusesAsNewer(
        "metadata.version %d (known up to %d)"
            .formatted(MetadataVersion.latestTesting().featureLevel(), newestMetadata()));
  }

  @Test
  void refusesADirectoryThatANewerKafkaWentOnWith() throws Exception {
    EmbeddedKafka.start(directory, 0).close();
    appendToMetadata(
        new FeatureLevelRecord().setName("metadata.version").setFeatureLevel((short) 99));
    appendToMetadata(
        new FeatureLevelRecord().setName("feature.to.come").setFeatureLevel((short) 1));

    refusesAsNewer(
        "feature.to.come 1 (known up to 0), metadata.version 99 (known up to %d)"
            .formatted(newestMetadata()));
  }

  @Test
  void refusesADirectoryOfANewerFormat() throws Exception {
    EmbeddedKafka.start(directory, 0).close();
    final Path file = directory.resolve("log").resolve("meta.properties");
    Files.writeString(file, Files.readString(file).replace("version=1", "version=2"));

    refusesAsNewer("meta.properties 2 (known up to 1)");
  }

  @Test
  void opensADirectoryWhoseMetadataEndInTheMiddleOfARecord() throws Exception {
    try (var kafka = EmbeddedKafka.start(directory, 0)) {
      createTopic(kafka, "words");
      produce(kafka, "words", "kept");
    }
    Files.write(metadataLog(), new byte[] {0, 0, 0, 0, 0, 0, 9}, StandardOpenOption.APPEND);

    try (var kafka = EmbeddedKafka.start(directory, 0)) {
      assertThat(readAll(kafka, "words", 1)).containsExactly("kept");
    }
  }

  private void refusesAsNewer(String what) {
    assertThatThrownBy(() -> EmbeddedKafka.start(directory, 0))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("the data directory " + directory + " was written by a Kafka newer")
        .hasMessageContaining(": " + what + "; ");
  }

  private static short newestMetadata() {
    return MetadataVersion.latestProduction().featureLevel();
  }

  private Path metadataLog() {
    return directory.resolve("log/__cluster_metadata-0/00000000000000000000.log");
  }

  /** Appends a record to the metadata log, as the controller does. */
  private void appendToMetadata(FeatureLevelRecord level) throws IOException {
    final var message = new ApiMessageAndVersion(level, (short) 0);
    final var cache = new ObjectSerializationCache();
    final var value = ByteBuffer.allocate(MetadataRecordSerde.INSTANCE.recordSize(message, cache));
    MetadataRecordSerde.INSTANCE.write(message, cache, new ByteBufferAccessor(value));
    try (var log = FileRecords.open(metadataLog().toFile())) {
      long end = 0;
      for (final RecordBatch batch : log.batches()) {
        end = batch.nextOffset();
      }
      log.append(
          MemoryRecords.withRecords(
              end, Compression.NONE, 1, new SimpleRecord(0L, null, value.array())));
    }
  }

  private static void createTopic(EmbeddedKafka kafka, String name) throws Exception {
    try (var admin = admin(kafka)) {
      admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get();
    }
  }

  private static void readShareGroupFromTheStart(EmbeddedKafka kafka, String group)
      throws Exception {
    try (var admin = admin(kafka)) {
      final var setting =
          new AlterConfigOp(
              new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET);
      admin
          .incrementalAlterConfigs(
              Map.of(new ConfigResource(ConfigResource.Type.GROUP, group), List.of(setting)))
          .all()
          .get();
    }
  }

  private static void produce(EmbeddedKafka kafka, String topic, String... values)
      throws Exception {
    final Map<String, Object> settings = Map.of("bootstrap.servers", kafka.bootstrapServers());
    try (var producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (final String value : values) {
        producer.send(new ProducerRecord<>(topic, value.getBytes(UTF_8))).get();
      }
    }
  }

  private static List<String> readAll(EmbeddedKafka kafka, String topic, int count) {
    final Map<String, Object> settings = Map.of("bootstrap.servers", kafka.bootstrapServers());
    final var partition = new TopicPartition(topic, 0);
    final List<String> values = new ArrayList<>();
    try (var consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                  values.add(new String(record.value(), UTF_8));
                }
                return values.size() >= count;
              });
    }
    return values;
  }

  private static KafkaShareConsumer<byte[], byte[]> shareConsumer(
      EmbeddedKafka kafka, String group) {
    final Map<String, Object> settings =
        Map.of(
            "bootstrap.servers",
            kafka.bootstrapServers(),
            "group.id",
            group,
            "share.acknowledgement.mode",
            "explicit");
    return new KafkaShareConsumer<>(
        settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private static Admin admin(EmbeddedKafka kafka) {
    return Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
  }
}
