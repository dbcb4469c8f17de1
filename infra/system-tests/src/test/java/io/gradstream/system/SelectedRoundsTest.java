package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.Connection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Selected rounds save real work: it is counted in the gradients on the log. */
class SelectedRoundsTest {
  @TempDir static Path directory;

  private static EmbeddedKafka kafka;

  /** One gradient that some worker computed. */
  private record Evaluation(long round, int task, int slot) {}

  @BeforeAll
  static void start() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  @ParameterizedTest
  @CsvSource({"toy, 12", "digits-mae, 5"})
  void needFewerGradientsThanJointOnes(String spec, int rounds) throws IOException {
    final JsonNode joint = train(spec, spec + "-joint", rounds, "selection=none");
    final JsonNode selected = train(spec, spec + "-selected", rounds, "selection=smo");

    final int jointOnLog = evaluations(spec + "-joint").size();
    final int selectedOnLog = evaluations(spec + "-selected").size();
    assertThat(selectedOnLog).isLessThan(jointOnLog);
    assertThat(joint.get("gradient_evaluations").asInt()).isEqualTo(jointOnLog);
    assertThat(selected.get("gradient_evaluations").asInt()).isEqualTo(selectedOnLog);
    assertThat(joint.get("joint_share").asDouble()).isEqualTo(1);
    assertThat(selected.get("joint_share").asDouble()).isBetween(1.0 / rounds, 0.999);
    assertThat(selected.get("relative_improvement")).hasSameSizeAs(selected.get("losses"));
  }

  private static JsonNode train(String spec, String name, int rounds, String selection)
      throws IOException {
    final var run =
        command(
            "train",
            "../runs/" + spec + ".yaml",
            "--rounds",
            Integer.toString(rounds),
            "--set",
            "run=" + name,
            "--set",
            selection,
            "--set",
            "evaluation.every=0",
            "--set",
            "schedule.warmup-rounds=1",
            "--bootstrap",
            kafka.bootstrapServers(),
            "--data-dir",
            directory.resolve(name).toString(),
            "--json");
    return new ObjectMapper().readTree(run.outLines().getLast());
  }

  private static CommandLineRun command(String... args) {
    final var run = CommandLineRun.of(args);
    assertThat(run.exitCode()).as(run.err()).isZero();
    return run;
  }

  private static Set<Evaluation> evaluations(String name) {
    final Run run = Run.read(Connection.to(kafka.bootstrapServers()), name);
    final var evaluations = new HashSet<Evaluation>();
    try (var log = new LogReader(run.connection(), name + ".count")) {
      for (int task = 0; task < run.orderedTasks(); task++) {
        for (int partition = 0; partition < run.manifest().partitions(); partition++) {
          final var gradients = new TopicPartition(run.topics().gradients(task), partition);
          for (final GradientShard header : headers(log, gradients)) {
            evaluations.add(new Evaluation(header.getRound(), task, header.getSlot()));
          }
        }
      }
    }
    return evaluations;
  }

  private static List<GradientShard> headers(LogReader log, TopicPartition gradients) {
    final var headers = new ArrayList<GradientShard>();
    log.read(
        gradients,
        0,
        log.end(gradients),
        record -> {
          try {
            headers.add(ValuesRecord.read(record.value(), GradientShard.parser()).header());
          } catch (MalformedRecordException e) {
            throw new IllegalStateException(Arrays.toString(record.key()), e);
          }
        });
    return headers;
  }
}
