package io.gradstream.system;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.cli.CommandLineRun;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.run.Run;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a run whose gradients are gone before they were summed for good. */
class LostGradientsTest {
  /** About three rounds of one task. */
  private static final int CUT_BYTES = 40_000;

  private static final TopicPartition LOST = new TopicPartition("cut.gradients.first", 0);

  private static final Duration PATIENCE = Duration.ofMinutes(2);

  @TempDir Path directory;

  @Test
  void aCutSegmentIsSaidWithTheForkThatGoesOnAndTheForkDoes() throws Exception {
    final Path data = directory.resolve("kafka");
    final LiveRun before;
    final long end;
    try (var kafka = EmbeddedKafka.start(data, 0)) {
      before =
          LiveRun.submit(
              kafka, directory, "cut", "transport.partitions=1", "orders.timeout-ms=1000");
      try (var server = before.startServer("one");
          var workers = before.startWorkers(1)) {
        final var arbitrator = before.startArbitrator("one");
        before.awaitVersion(10);
        arbitrator.leave();
        assertThat(server.failure()).isEmpty();
        assertThat(workers.failure()).isEmpty();
      }
      forgetSums(before.run());
      end = end(before.run());
    }
    cut(data.resolve("log"), LOST.toString());

    try (var kafka = EmbeddedKafka.start(data, 0)) {
      final LiveRun run =
          LiveRun.submit(
              kafka, directory, "cut", "transport.partitions=1", "orders.timeout-ms=1000");
      final Pattern advice =
          Pattern.compile("gradstream fork --run cut --version (\\d+) --as cut-from-(\\d+)");
      final String told;
      try (var server = run.startServer("one");
          var arbitrator = run.startArbitrator("two");
          var workers = run.startWorkers(1)) {
        await()
            .atMost(PATIENCE)
            .untilAsserted(() -> assertThat(status(kafka)).containsPattern(advice));
        told = status(kafka);
        refill(run.run(), end);
        assertThat(status(kafka)).containsPattern(advice);
        assertThat(arbitrator.failure()).isEmpty();
        assertThat(server.failure()).isEmpty();
        assertThat(workers.failure()).isEmpty();
      }
      final Matcher found = advice.matcher(told);
      assertThat(found.find()).isTrue();

      final var fork =
          CommandLineRun.of(
              "fork",
              "--run",
              "cut",
              "--version",
              found.group(1),
              "--as",
              "cut-from-" + found.group(2),
              "--train",
              "--bootstrap",
              kafka.bootstrapServers(),
              "--data-dir",
              directory.resolve("data").toString());

      assertThat(fork.exitCode()).as(fork.err()).isZero();
      assertThat(fork.out()).contains("version 24");
    }
  }

  private static long end(Run run) {
    try (var log = new LogReader(run.connection(), "test")) {
      return log.end(LOST);
    }
  }

  /** Fills the places of lost records with others, as workers do that go on with later rounds. */
  private static void refill(Run run, long end) throws Exception {
    try (var log = new LogReader(run.connection(), "test");
        var producer = new KafkaProducer<byte[], byte[]>(run.connection().producer())) {
      final byte[] other = log.read(LOST, 0);
      while (log.end(LOST) < end) {
        producer.send(new ProducerRecord<>(LOST.topic(), LOST.partition(), null, other)).get();
      }
    }
  }

  private static String status(EmbeddedKafka kafka) {
    return CommandLineRun.of("status", "--run", "cut", "--bootstrap", kafka.bootstrapServers())
        .out();
  }

  /** As if the arbitrator had not committed since the beginning. */
  private static void forgetSums(Run run) throws ExecutionException, InterruptedException {
    final String application = run.topics().arbitratorApplication();
    try (Admin admin = run.connection().admin()) {
      admin.deleteConsumerGroups(List.of(application)).all().get();
      admin
          .deleteTopics(
              admin.listTopics().names().get().stream()
                  .filter(topic -> topic.startsWith(application))
                  .toList())
          .all()
          .get();
    }
  }

  /** Takes the end off a partition's only segment, as a machine does that lost its power. */
  private static void cut(Path log, String partition) throws IOException {
    Files.deleteIfExists(log.resolve(".kafka_cleanshutdown"));
    try (var segment =
        FileChannel.open(
            log.resolve(partition).resolve("00000000000000000000.log"), StandardOpenOption.WRITE)) {
      assertThat(segment.size()).isGreaterThan(2 * CUT_BYTES);
      segment.truncate(segment.size() - CUT_BYTES);
    }
  }

  /** Of what is held for its turn the arbitrator knows the place only. */
  @Test
  void aHeldRecordThatRetentionTookIsAskedForAgain() throws Exception {
    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0)) {
      final LiveRun run =
          LiveRun.submit(
              kafka,
              directory,
              "held",
              "rounds=3",
              "transport.held-max-bytes=0",
              "orders.timeout-ms=2000");
      final var goOn = new CountDownLatch(1);
      try (var server = run.startServer("one");
          var arbitrator = run.startArbitrator("one");
          var workers = withoutFirstSlotUntil(run, goOn)) {
        try {
          await().atMost(PATIENCE).until(() -> hasReportedStandstill(run.run()));
          deleteGradientsOfFirstTask(run.run());
        } finally {
          goOn.countDown();
        }

        run.awaitVersion(3);
        assertThat(arbitrator.failure()).isEmpty();
        assertThat(workers.failure()).isEmpty();
        assertThat(server.failure()).isEmpty();
      }
    }
  }

  private static WorkerFleet withoutFirstSlotUntil(LiveRun run, CountDownLatch goOn) {
    return WorkerFleet.start(
        run.run(),
        4,
        Set.copyOf(run.run().manifest().tasks()),
        () ->
            new DelegatingModel(run.checked().models().get()) {
              @Override
              public double gradient(int task, long microBatch) {
                if (task == 0 && microBatch == 0) {
                  awaitQuietly(goOn);
                }
                return super.gradient(task, microBatch);
              }
            });
  }

  private static void awaitQuietly(CountDownLatch goOn) {
    try {
      goOn.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Reports come after a timeout without progress, so all that is there was taken in. */
  private static boolean hasReportedStandstill(Run run) throws Exception {
    final List<TopicPartition> topics = gradientsOfFirstTask(run).toList();
    return ends(run, List.of(new TopicPartition(run.topics().metrics(), 0))).values().stream()
            .allMatch(end -> end > 0)
        && ends(run, topics).values().stream().allMatch(end -> end > 0);
  }

  private static Stream<TopicPartition> gradientsOfFirstTask(Run run) {
    return IntStream.range(0, run.manifest().partitions())
        .mapToObj(partition -> new TopicPartition(run.topics().gradients(0), partition));
  }

  private static Map<TopicPartition, Long> ends(Run run, List<TopicPartition> of)
      throws ExecutionException, InterruptedException {
    try (Admin admin = run.connection().admin()) {
      return admin
          .listOffsets(of.stream().collect(toMap(each -> each, each -> OffsetSpec.latest())))
          .all()
          .get()
          .entrySet()
          .stream()
          .collect(toMap(Map.Entry::getKey, each -> each.getValue().offset()));
    }
  }

  private static void deleteGradientsOfFirstTask(Run run)
      throws ExecutionException, InterruptedException {
    final Map<TopicPartition, RecordsToDelete> all =
        ends(run, gradientsOfFirstTask(run).toList()).entrySet().stream()
            .collect(
                toMap(Map.Entry::getKey, each -> RecordsToDelete.beforeOffset(each.getValue())));
    try (Admin admin = run.connection().admin()) {
      admin.deleteRecords(all).all().get();
    }
  }
}
