package io.gradstream.proto.streams;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.topic.Connection;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A restart takes the memory that a service announces at its start: its vectors once, and what
 * Kafka's clients read through. What earlier crashes left in the changelog takes none.
 */
class RestoreMemoryTest {
  /** Of 960 KiB each. */
  private static final int VECTORS = Integer.getInteger("restore.vectors", 64);

  private static final int MEBIBYTES = (VECTORS * 960 + 1023) / 1024;

  /** As {@link io.gradstream.proto.run.OffHeap} has it. */
  private static final int CLIENTS = 64;

  private static final String HEAP = System.getProperty("restore.heap", "96m");

  @TempDir Path directory;

  @Test
  void aRestartTakesWhatIsAnnouncedWhateverCrashesLeftInTheChangelog() throws Exception {
    final Path out = directory.resolve("out");
    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0)) {
      write(Connection.to(kafka.bootstrapServers()));
      final List<String> command =
          List.of(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-cp",
              System.getProperty("java.class.path"),
              "--enable-native-access=ALL-UNNAMED",
              "--add-modules=jdk.incubator.vector",
              "-Xmx" + HEAP,
              "-XX:MaxDirectMemorySize=" + (MEBIBYTES + CLIENTS) + "m",
              RestoreProbe.class.getName(),
              kafka.bootstrapServers(),
              "service",
              "in",
              directory.resolve("state").toString(),
              String.valueOf(VECTORS));
      final Process restart =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(out.toFile())
              .start();
      assertThat(restart.waitFor()).as(Files.readString(out)).isZero();
    }
    assertThat(Files.readString(out))
        .contains("commit of writer 3: %d vectors, sum %d".formatted(VECTORS, 3 * VECTORS));
  }

  /** Three writers that were killed after their commits, and one in the middle of its own. */
  private static void write(Connection connection) throws Exception {
    final String changelog = "service-" + RestoreProbe.STORE + "-changelog";
    try (Admin admin = connection.admin()) {
      admin
          .createTopics(
              Stream.of("in", changelog)
                  .map(
                      name ->
                          new NewTopic(name, 1, (short) 1)
                              .configs(Map.of("cleanup.policy", "compact")))
                  .toList())
          .all()
          .get();
    }
    final var before = new Commits();
    try (var producer = new KafkaProducer<byte[], byte[]>(connection.producer())) {
      for (int writer = 1; writer <= 4; writer++) {
        final boolean killed = writer == 4;
        final CommitWriter.Changelog log =
            (key, value) -> {
              final boolean commits = ChangelogKey.of(key.get()).part() == ChangelogKey.Part.COMMIT;
              if (!(killed && commits)) {
                final var _ = producer.send(new ProducerRecord<>(changelog, key.get(), value));
                before.restore(key.get(), value, -1);
              }
            };
        new CommitWriter(before, null, vectors(writer), log)
            .flush(ByteString.copyFrom("commit of writer " + writer, UTF_8));
        producer.flush();
      }
    }
  }

  /** Vectors that all lie at one place, since their values are the same. */
  private static StoreVectors vectors(float value) {
    final var values = MemorySegment.ofArray(new float[RestoreProbe.VECTOR_VALUES]);
    values.setAtIndex(ValueLayout.JAVA_FLOAT, RestoreProbe.VECTOR_VALUES - 1L, value);
    final var vectors = new StoreVectors();
    for (int index = 0; index < VECTORS; index++) {
      vectors.put(new VectorId(0, index), values);
    }
    return vectors;
  }
}
