package io.gradstream.submission;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.LogReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
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
  void createsTopicsThatKeepWhatTheyMust() throws Exception {
    Submission.submit(spec("settings", 10), connection);

    assertThat(setting("settings.gradients.first", "retention.ms")).isEqualTo("-1");
    assertThat(setting("settings.verdicts", "message.timestamp.type")).isEqualTo("LogAppendTime");
    assertThat(setting("settings.weights", "cleanup.policy")).isEqualTo("compact");
    assertThat(setting("settings.spec", "cleanup.policy")).isEqualTo("compact");
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

    assertThatThrownBy(() -> Submission.submit(spec("taken", 20), connection))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("run taken exists with another spec (rounds: 10 there, 20 here)")
        .hasMessageContaining("choose another name");
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

  private static List<Float> initialWeights(Run run) throws MalformedRecordException {
    final var partition = new TopicPartition(run.topics().updates(), 0);
    final var records = new ArrayList<byte[]>();
    try (var log = new LogReader(connection, "test")) {
      log.read(partition, 0, log.end(partition), record -> records.add(record.value()));
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

  private static CheckedSpec spec(String run, int rounds) {
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
            List.of()));
  }
}
