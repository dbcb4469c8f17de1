package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.chaos.CommandProcess;
import io.gradstream.embedded.EmbeddedKafka;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kafka ends the process of a broker that meets a fault. In processes of their own, since this one
 * would end with it.
 */
class BrokerFaultTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String DEATH = "gradstream: the Kafka broker in this process died: ";

  @TempDir Path directory;

  @Test
  void aFaultAtTheStartIsOneLineThatNamesTheLog() throws Exception {
    final Path kafka = directory.resolve("run").resolve("kafka");
    EmbeddedKafka.start(kafka, 0).close();
    Files.writeString(kafka.resolve("log/__cluster_metadata-0/quorum-state"), "not JSON");
    final String run = directory.resolve("run").toString();
    try (var train = process("train", "../runs/toy.yaml", "--data-dir", run)) {
      train.start();

      assertThat(train.await()).isEqualTo(1);
      assertThat(lines(train).filter(line -> !line.startsWith("WARNING: Using incubator")))
          .singleElement()
          .asString()
          .startsWith(DEATH)
          .contains("JsonParseException")
          .endsWith("; the log is " + run + "/train.log");
    }
  }

  @Test
  void aDiskThatGoesWhileItRunsIsOneLineBelowTheLog() throws Exception {
    final Path kafka = directory.resolve("kafka");
    try (var broker = process("broker", "--data-dir", kafka.toString())) {
      broker.start();
      await()
          .atMost(PATIENCE)
          .until(() -> lines(broker).anyMatch(line -> line.startsWith("bootstrap.servers=")));
      // It writes to its metadata log twice a second.
      Files.move(kafka.resolve("log"), directory.resolve("gone"));
      Files.createFile(kafka.resolve("log"));

      assertThat(broker.await()).isEqualTo(1);
      assertThat(lines(broker).filter(line -> line.startsWith("gradstream: ")))
          .singleElement()
          .asString()
          .startsWith(DEATH)
          .contains(kafka.resolve("log").toString())
          .endsWith("; the log is above");
    }
  }

  private CommandProcess process(String... arguments) {
    return new CommandProcess(arguments[0], "512m", directory, List.of(arguments));
  }

  private static Stream<String> lines(CommandProcess process) throws IOException {
    return Files.readAllLines(process.log()).stream();
  }
}
