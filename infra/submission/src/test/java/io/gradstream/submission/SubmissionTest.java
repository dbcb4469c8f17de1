package io.gradstream.submission;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.KafkaRunLog;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunFiles;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.weights.InitialTensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SubmissionTest {
  @TempDir static Path directory;

  private static EmbeddedKafka kafka;
  private static Connection connection;

  @BeforeAll
  static void start() {
    kafka = EmbeddedKafka.start(directory, 0);
    connection = Connection.to(kafka.bootstrapServers());
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @Test
  void publishesSpecManifestAndInitialWeights() throws Exception {
    final var outcome = Submission.submit(spec("fresh", 10), connection);

    assertThat(outcome.isNew()).isTrue();
    final Run found = Run.read(connection, "fresh");
    assertThat(found.spec()).isEqualTo(outcome.run().spec());
    assertThat(found.manifest().hash()).isEqualTo(outcome.run().manifest().hash());
    assertThat(initialWeights(found)).containsExactly(-8.5f, 7.5f);
  }

  @Test
  void weightsOfAFileAreTheFirstVersionAndTheFileIsInTheRecord() throws Exception {
    final Path file = directory.resolve("two.safetensors");
    writeTwo(file, 0.25f, 4);
    final CheckedSpec spec = spec("from-file", 10, "initial-weights=" + file);
    assertThatThrownBy(() -> Submission.submit(spec, connection))
        .hasMessageStartingWith("initial-weights: ");

    final var tensors = InitialTensors.beside(file, spec.spec());
    final Run run = Submission.submit(spec.from(tensors), connection).run();
    assertThat(initialWeights(run)).containsExactly(0.25f, 4f);
    assertThat(run.description().initialWeights().getName()).isEqualTo("two.safetensors");
    assertThat(Submission.submit(spec.from(tensors), connection).isNew()).isFalse();

    writeTwo(file, 0.5f, 4);
    final var changed = spec.from(InitialTensors.beside(file, spec.spec()));
    assertThatThrownBy(() -> Submission.submit(changed, connection))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("run from-file began with other bytes");
  }

  private static void writeTwo(Path file, float one, float two) throws IOException {
    final byte[] header =
        "{\"shared.0\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"
            .getBytes(StandardCharsets.UTF_8);
    Files.write(
        file,
        ByteBuffer.allocate(16 + header.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length)
            .put(header)
            .putFloat(one)
            .putFloat(two)
            .array());
  }

  @Test
  void aSmallRecordThatUnpacksToALargeOneIsRefusedByTheBroker() {
    final Run run = Submission.submit(spec("bomb", 10), connection).run();
    final Map<String, Object> settings = connection.producer();
    settings.put("compression.type", "zstd");
    settings.put("max.request.size", 64 << 20);

    try (var producer = new KafkaProducer<byte[], byte[]>(settings)) {
      final var sent =
          producer.send(
              new ProducerRecord<>(run.topics().gradients(0), 0, null, new byte[8 << 20]));

      assertThatThrownBy(sent::get).hasCauseInstanceOf(RecordTooLargeException.class);
    }
  }

  @Test
  void createsTopicsThatKeepWhatTheyMust() throws Exception {
    Submission.submit(spec("settings", 10), connection);

    assertThat(setting("settings.gradients.first", "retention.ms")).isEqualTo("-1");
    assertThat(setting("settings.verdicts", "message.timestamp.type")).isEqualTo("LogAppendTime");
    assertThat(setting("settings.weights", "cleanup.policy")).isEqualTo("compact");
    assertThat(setting("settings.spec", "cleanup.policy")).isEqualTo("delete");
  }

  @Test
  void findsTheRunWhenTheSameSpecIsSubmittedAgain() throws Exception {
    Submission.submit(spec("again", 10), connection);

    final var second = Submission.submit(spec("again", 10), connection);

    assertThat(second.isNew()).isFalse();
    assertThat(initialWeights(second.run())).hasSize(2);
  }

  @Test
  void refusesAnotherSpecUnderTheSameNameAndSaysWhatDiffers() {
    Submission.submit(spec("taken", 10), connection);

    assertThatThrownBy(() -> Submission.submit(spec("taken", 10, "seed=2"), connection))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("run taken exists with another spec (seed: 1 there, 2 here)")
        .hasMessageEndingWith("choose another name for this run");
  }

  @Test
  void startsOverWhatWasBrokenOff() throws Exception {
    try (Admin admin = connection.admin()) {
      admin.createTopics(List.of(new NewTopic("broken.updates", 3, (short) 1))).all().get();
    }

    assertThat(Submission.submit(spec("broken", 10), connection).isNew()).isTrue();

    try (Admin admin = connection.admin()) {
      final var topics = admin.describeTopics(List.of("broken.updates")).allTopicNames().get();
      assertThat(topics.values())
          .singleElement()
          .satisfies(topic -> assertThat(topic.partitions()).hasSize(1));
    }
  }

  /** The run's own record comes after its file's: files alone are no run. */
  @Test
  void aModelsFileTravelsWithTheRun() throws Exception {
    final Path specFile = Path.of("../runs/two-digits-onnx.yaml");
    final RunSpec of = RunSpec.read(specFile, List.of("run=travels", "data.partners=1"));
    final ModelFile file = ModelFile.beside(specFile, of);
    final CheckedSpec checked = CheckedSpec.of(of, ModelCommand.NONE, file);
    try (Admin admin = connection.admin();
        var producer = new KafkaProducer<byte[], byte[]>(connection.producer())) {
      admin.createTopics(List.of(new NewTopic("travels.spec", 1, (short) 1))).all().get();
      for (final byte[] chunk : RunFiles.chunks(file.content())) {
        producer.send(new ProducerRecord<>("travels.spec", chunk)).get();
      }
    }

    assertThat(Submission.submit(checked, connection).isNew()).isTrue();
    assertThat(Submission.submit(checked, connection).isNew()).isFalse();
    final Run found = Run.read(connection, "travels");
    try (var log = new KafkaRunLog(found)) {
      assertThat(ModelFile.of(log)).isEqualTo(file);
    }
    assertThat(found.description().provenance().getFilesList()).containsExactly(file.entry());
  }

  /** The record that says what a run is can be lost; what was trained must not be. */
  @Test
  void deletesNothingThatRoundsWereComputedIn() throws Exception {
    final Run run = Submission.submit(spec("lost", 10), connection).run();
    send(run.topics().verdicts(), new byte[] {1});
    try (Admin admin = connection.admin()) {
      admin.deleteTopics(List.of(run.topics().spec())).all().get();
      await().untilAsserted(() -> assertThat(topics(admin)).doesNotContain(run.topics().spec()));

      assertThatThrownBy(() -> Submission.submit(spec("lost", 10), connection))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("topic lost.spec, which says what the run is, has no record")
          .hasMessageContaining("gradstream delete --run lost");

      assertThat(topics(admin)).contains("lost.verdicts", "lost.updates", "lost.weights");
    }
    assertThat(initialWeights(run)).containsExactly(-8.5f, 7.5f);
  }

  @Test
  void ofSeveralAtOnceOneSubmitsAndTheOthersFindIt() throws Exception {
    final List<Object> outcomes = atOnce("rush", List.of(10, 10, 10, 10));

    assertThat(outcomes)
        .extracting(outcome -> ((Submission.Outcome) outcome).isNew())
        .containsExactlyInAnyOrder(true, false, false, false);
    assertThat(initialWeights(Run.read(connection, "rush"))).containsExactly(-8.5f, 7.5f);
  }

  @Test
  void ofSeveralSpecsAtOnceOneWinsAndTheOthersSayWhatIsThere() throws Exception {
    final List<Object> outcomes = atOnce("race", List.of(10, 20, 30));

    assertThat(outcomes).filteredOn(Submission.Outcome.class::isInstance).hasSize(1);
    assertThat(outcomes)
        .filteredOn(UserError.class::isInstance)
        .hasSize(2)
        .allSatisfy(
            error ->
                assertThat((UserError) error)
                    .hasMessageContaining("run race exists with another spec (rounds: "));
    assertThat(initialWeights(Run.read(connection, "race"))).containsExactly(-8.5f, 7.5f);
  }

  private static List<Object> atOnce(String run, List<Integer> rounds) throws Exception {
    final var together = new CountDownLatch(1);
    try (var threads = Executors.newCachedThreadPool()) {
      final List<Future<Object>> submissions =
          rounds.stream()
              .map(
                  number ->
                      threads.submit(
                          () -> {
                            together.await();
                            try {
                              return (Object) Submission.submit(spec(run, number), connection);
                            } catch (UserError e) {
                              return e;
                            }
                          }))
              .toList();
      together.countDown();
      final var outcomes = new ArrayList<>();
      for (final var submission : submissions) {
        outcomes.add(submission.get());
      }
      return outcomes;
    }
  }

  @Test
  void aSubmissionThatDiedLetsGoOfItsLock() throws Exception {
    try (Admin admin = connection.admin()) {
      admin.createTopics(List.of(new NewTopic("died.submission", 1, (short) 1))).all().get();

      assertThat(Submission.submit(spec("died", 10), connection).isNew()).isTrue();

      assertThat(topics(admin)).doesNotContain("died.submission");
    }
  }

  @Test
  void startingOverTakesChangelogsAndGroupsAlong() throws Exception {
    try (Admin admin = connection.admin()) {
      final String changelog = "half.arbitrator-sums-changelog";
      admin.createTopics(List.of(new NewTopic(changelog, 1, (short) 1))).all().get();
      commit("half.arbitrator", changelog);

      Submission.submit(spec("half", 10), connection);

      assertThat(topics(admin)).doesNotContain(changelog);
      assertThat(groups(admin)).doesNotContain("half.arbitrator");
    }
  }

  @Test
  void deletesWhatIsARunsAndNothingElse() throws Exception {
    final Run run = Submission.submit(spec("going", 10), connection).run();
    Submission.submit(spec("going-not", 10), connection);
    commit(run.topics().serverApplication(), run.topics().updates());
    try (Admin admin = connection.admin()) {
      admin.createTopics(List.of(new NewTopic("going.incoming", 1, (short) 1))).all().get();

      RunResources.of(connection, admin, "going").delete();

      assertThat(topics(admin))
          .filteredOn(topic -> topic.startsWith("going."))
          .containsExactly("going.incoming");
      assertThat(topics(admin)).contains("going-not.spec", "going-not.verdicts");
      assertThat(groups(admin)).doesNotContain("going.server");
    }
    assertThat(Submission.submit(spec("going", 20), connection).isNew()).isTrue();
  }

  @Test
  void moreRoundsOfARunAreAFork() {
    Submission.submit(spec("short", 10), connection);

    assertThatThrownBy(() -> Submission.submit(spec("short", 20), connection))
        .hasMessageContaining(
            "gradstream fork --run short --version 10 --as short-longer --set rounds=20 --train");
  }

  @Test
  void refusesMorePartitionsThanTheModelHasShards() throws Exception {
    assertThatThrownBy(
            () -> Submission.submit(spec("wide", 10, "transport.partitions=5"), connection))
        .isInstanceOf(UserError.class)
        .hasMessage(
            "transport.partitions: 5, but the model's parameters make 1 shards; give at most so many");
  }

  @Test
  void refusesMoreReplicasThanThereAreBrokers() {
    assertThatThrownBy(
            () -> Submission.submit(spec("copies", 10, "transport.replication=3"), connection))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("transport.replication: 3, but fewer brokers answer at ");
  }

  private static void send(String topic, byte[] value) throws Exception {
    try (var producer = new KafkaProducer<byte[], byte[]>(connection.producer())) {
      producer.send(new ProducerRecord<>(topic, 0, null, value)).get();
    }
  }

  private static void commit(String group, String topic) {
    final Map<String, Object> settings = connection.consumer();
    settings.put("group.id", group);
    try (var consumer = new KafkaConsumer<byte[], byte[]>(settings)) {
      consumer.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1)));
    }
  }

  private static Set<String> topics(Admin admin) throws Exception {
    return admin.listTopics().names().get();
  }

  private static List<String> groups(Admin admin) throws Exception {
    return admin.listGroups().all().get().stream().map(GroupListing::groupId).toList();
  }

  private static List<Float> initialWeights(Run run) throws MalformedRecordException {
    final var partition = new TopicPartition(run.topics().updates(), 0);
    final var records = new ArrayList<byte[]>();
    try (var log = new LogReader(connection, "test")) {
      log.read(partition, 0, log.end(partition), record -> records.add(record.bytes()));
    }
    final var values = new ArrayList<Float>();
    for (final byte[] record : records) {
      final var shard = ValuesRecord.read(record, UpdateShard.parser());
      assertThat(shard.header().getInitial()).isTrue();
      shard
          .values()
          .elements(ValueType.FLOAT)
          .forEach(value -> values.add(value.get(ValueType.FLOAT, 0)));
    }
    return values;
  }

  private static String setting(String topic, String key) throws Exception {
    final var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    try (Admin admin = connection.admin()) {
      final var topics = admin.describeConfigs(List.of(resource)).all().get();
      return topics.values().iterator().next().get(key).value();
    }
  }

  private static CheckedSpec spec(String run, int rounds, String... overrides) {
    return CheckedSpec.of(
        RunSpec.parse(
            """
            run: %s
            rounds: %d
            tasks:
              - {name: first, loss: landscape}
              - {name: second, loss: landscape}
            model: {type: toy, start: [-8.5, 7.5]}
            resolver: gcond
            optimizer: {type: sgd, learning-rate: 0.1}
            """
                .formatted(run, rounds),
            "test",
            List.of(overrides)));
  }
}
