package io.gradstream.arbitrator.topology;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.streams.StreamsSettings;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.TopicKind;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.TopologyDescription;
import org.apache.kafka.streams.TopologyTestDriver;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What both processors of the arbitrator make of records, one after the other. */
class ArbitratorTopologyTest {
  private static final int SIZE = 4;
  private static final long OWN = 0xaa;
  private static final long FOREIGN = 0xbb;

  @TempDir Path directory;

  private Run run;
  private TopologyTestDriver driver;
  private final List<byte[]> logged = new ArrayList<>();

  /** The verdict of the round before; null in the first. */
  private @Nullable Verdict answered;

  @BeforeEach
  void start() {
    start(List.of());
  }

  private void start(String arithmetic) {
    start(List.of("compute.arithmetic=" + arithmetic));
  }

  private void start(List<String> overrides) {
    final RunSpec spec =
        RunSpec.parse(
            """
            run: any
            rounds: 100
            tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
            accumulation: {micro-batches: 2, batch-size: 1}
            momentum: {mode: pure}
            model: toy
            resolver: sum
            optimizer: {type: sgd, learning-rate: 1.0}
            """,
            "test",
            overrides);
    final Manifest manifest =
        Manifest.of(
            List.of("a", "b"),
            List.of(new TensorShape("w", new long[] {SIZE}, TensorShape.SHARED)),
            1000,
            1);
    run = new Run(RunDescription.of(spec, manifest), Connection.to("nowhere:1"));
    driver =
        new TopologyTestDriver(
            Arbitrator.topology(run, this::log),
            StreamsSettings.of(run, run.topics().arbitratorApplication(), "one", directory));
  }

  @AfterEach
  void stop() {
    driver.close();
  }

  /** A log that holds what {@link #logged} has. */
  private LogReader log() {
    return new LogReader(
        () -> new OnePartitionConsumer(new TopicPartition(run.topics().verdicts(), 0), logged));
  }

  /** Access rights are given by what the topics declare. */
  @Test
  void itWritesThoseTopicsThatDeclareIt() {
    final Set<TopicKind> written =
        Arbitrator.topology(run, this::log).describe().subtopologies().stream()
            .flatMap(subtopology -> subtopology.nodes().stream())
            .filter(TopologyDescription.Sink.class::isInstance)
            .map(sink -> ((TopologyDescription.Sink) sink).topic())
            .flatMap(
                topic ->
                    Stream.of(TopicKind.values())
                        .filter(kind -> kind.includes(run.spec().run(), topic)))
            .collect(Collectors.toSet());

    assertThat(written).isEqualTo(TopicKind.writtenBy(TopicKind.Writer.ARBITRATOR));
  }

  @Test
  void theLastSlotOfARoundBringsItsVerdictAndItsUpdate() throws Exception {
    aRoundIsDecided();
  }

  private void aRoundIsDecided() throws Exception {
    send(0, 0, 1f);
    send(0, 1, 3f);
    send(1, 0, 10f);
    assertThat(verdicts()).isEmpty();

    send(1, 1, 30f);

    assertThat(verdicts())
        .singleElement()
        .satisfies(v -> assertThat(v.getRound()).isEqualTo(open()));
    // The mean over each task's slots, summed over the tasks.
    assertThat(update()).isEqualTo(22f);
  }

  @Test
  void slotsMayComeInAnyOrderAndTwice() throws Exception {
    send(1, 1, 30f);
    send(0, 1, 3f);
    send(0, 1, 3f);
    send(1, 0, 10f);
    send(0, 0, 1f);

    assertThat(verdicts()).hasSize(1);
    assertThat(update()).isEqualTo(22f);
    assertThat(letters()).isEmpty();
  }

  @Test
  void whoSendsOtherValuesForASlotIsToldAndTheFirstOnesCount() throws Exception {
    send("alice/0", 0, 0, 1f);
    send("mallory/0", 0, 0, -1f); // of the same norm
    send("bob/0", 0, 0, 1f);

    assertThat(letters())
        .singleElement()
        .satisfies(
            letter -> {
              assertThat(letter.getReason())
                  .isEqualTo(
                      "other values for slot 0 of task a in round 0 than those by alice/0, which count");
              assertThat(letter.getWorker()).isEqualTo("mallory/0");
            });
    assertThat(contradictions())
        .singleElement()
        .satisfies(
            told -> {
              assertThat(told.getWorker()).isEqualTo("mallory/0");
              assertThat(told.getCounted()).isEqualTo("alice/0");
            });

    sendRound();
    assertThat(update()).isEqualTo(22f);

    // The round is over, and its gradients are still known.
    send("mallory/0", 1, 1, 7f);
    send("bob/0", 1, 1, 30f);
    assertThat(letters()).singleElement().asString().contains("slot 1 of task b in round 0");
  }

  @Test
  void ofHeldGradientsWithDifferentValuesTheFirstCountsAndTheOtherIsTold() throws Exception {
    send("mallory/0", 0, 1, 3f);
    send("alice/0", 0, 1, 5f);
    send("alice/0", 0, 0, 1f);

    assertThat(contradictions())
        .singleElement()
        .satisfies(
            told -> {
              assertThat(told.getWorker()).isEqualTo("alice/0");
              assertThat(told.getCounted()).isEqualTo("mallory/0");
            });
  }

  @Test
  void whatCouldNotHaveCountedContradictsNothing() throws Exception {
    aRoundIsDecided();
    answered = Verdict.newBuilder().setRound(-1).setNonce(99).build(); // no order had that nonce

    send("mallory/0", 1, 1, 7f);

    assertThat(contradictions()).isEmpty();
    assertThat(ignored()).isEqualTo(1);
  }

  private List<Metric.Contradiction> contradictions() throws Exception {
    return metrics().stream()
        .filter(Metric::hasContradiction)
        .map(Metric::getContradiction)
        .toList();
  }

  /** Of rounds that have begun; a worker that floods an early slot does not fill the memory. */
  @Test
  void ofAnEarlySlotEightCopiesAreHeldAndTheFirstCounts() throws Exception {
    for (int copy = 0; copy < 100; copy++) {
      send("w" + copy, 0, 1, copy == 0 ? 3f : 7f);
    }
    assertThat(ignored()).isEqualTo(100 - 8);

    aRoundIsDecided();
  }

  /** A partition that reads its log again meets rounds that are decided, and somebody's flood. */
  @Test
  void whatIsHeldIsEightCopiesOfEverySlotOfRoundsThatHaveBegun() throws Exception {
    final List<Verdict> decided = new ArrayList<>();
    for (int round = 0; round < 3; round++) {
      sendRound();
      answered = verdicts().getFirst();
      decided.add(answered);
      logged.add(answered.toByteArray());
      update();
    }
    final int begun = decided.size(); // besides the open one
    driver.close();
    answered = null;
    start();
    logged.add(
        Verdict.newBuilder().setRound(90).setManifest(run.manifest().hash()).build().toByteArray());
    logged.add("no verdict".getBytes(UTF_8));

    int sent = 0;
    for (int round = 99; round > 0; round--) {
      answered =
          round <= begun
              ? decided.get(round - 1)
              : Verdict.newBuilder().setRound(round - 1).setNonce(5).build();
      for (int copy = 0; copy < 20; copy++) {
        sendRound();
        sent += 4;
      }
    }

    final int held = sent - letters().size() - (int) ignored();
    assertThat(held).isEqualTo(8 * begun * (2 * 2));
    // And those that are held count at their turn.
    answered = null;
    sendRound();
    final var verdicts =
        driver.createInputTopic(
            run.topics().verdicts(), new ByteArraySerializer(), new ByteArraySerializer());
    decided.forEach(each -> verdicts.pipeInput(Keys.round(each.getRound()), each.toByteArray()));
    assertThat(read(run.topics().updates())).hasSize(begun + 1);
    assertThat(verdicts()).last().satisfies(v -> assertThat(v.getRound()).isEqualTo(begun));
  }

  private void sendRound() {
    send(0, 0, 1f);
    send(0, 1, 3f);
    send(1, 0, 10f);
    send(1, 1, 30f);
  }

  private double ignored() {
    return driver.metrics().entrySet().stream()
        .filter(each -> each.getKey().name().equals("ignored-total"))
        .mapToDouble(each -> (double) each.getValue().metricValue())
        .sum();
  }

  @Test
  void aGradientThatIsNotFiniteIsRefusedAndSaidToRepeatItself() throws Exception {
    send(0, 0, Float.NaN);

    assertThat(letters()).singleElement().asString().contains("not finite");
    assertThat(metrics())
        .singleElement()
        .satisfies(
            metric -> {
              assertThat(metric.getRefused().getDiverged()).isTrue();
              assertThat(metric.getRefused().getWorker()).isEqualTo("w");
            });
  }

  @Test
  void aRoundThatTwoWorkersCannotEndIsSkippedAndTheNextOneIsDecided() throws Exception {
    driver.close();
    start(List.of("on-divergence=skip-round"));
    send(1, 0, 10f);
    send("alice/0", 0, 1, Float.NaN);
    send("alice/1", 0, 1, Float.NaN);
    assertThat(verdicts()).isEmpty();

    send("bob/0", 0, 1, Float.NaN);

    final Verdict skipped = verdicts().getFirst();
    assertThat(skipped.getSkipped()).isTrue();
    assertThat(skipped.getSkippedBecause())
        .isEqualTo("slot 1 of a is not finite, by alice/0 and alice/1 and bob/0");
    assertThat(metrics()).last().satisfies(m -> assertThat(m.getRefused().getCertain()).isTrue());
    final var update =
        ValuesRecord.read(read(run.topics().updates()).getFirst(), UpdateShard.parser());
    assertThat(update.header().getSkipped()).isTrue();
    assertThat(update.values().get(ValueType.FLOAT, 0)).isZero();

    answered = skipped;
    aRoundIsDecided();
  }

  @Test
  void aRoundThatCannotEndStaysOpenWhereTheSpecSaysStop() throws Exception {
    send("alice/0", 0, 1, Float.NaN);
    send("bob/0", 0, 1, Float.NaN);

    assertThat(verdicts()).isEmpty();
    final var said = ShardStatistics.parseFrom(read(run.topics().statistics()).getFirst());
    assertThat(said.getDivergence().getRefusedCount()).isEqualTo(2);
    metrics();
    driver.advanceWallClockTime(Duration.ofHours(1));
    assertThat(metrics().getFirst().getWaiting().getSlotsList())
        .filteredOn(Metric.Waiting.Slot::getDiverged)
        .singleElement()
        .satisfies(slot -> assertThat(slot.getSlot()).isEqualTo(1));
    read(run.topics().statistics());
    aRoundIsDecided();
  }

  /** A stranger that invents workers has no nonce. */
  @Test
  void whatAnswersNoOrderDoesNotShowThatTheRoundCannotEnd() throws Exception {
    driver.close();
    start(List.of("on-divergence=skip-round"));
    answered = Verdict.newBuilder().setRound(-1).setNonce(5).build();
    send("alice/0", 0, 1, Float.NaN);
    send("bob/0", 0, 1, Float.NaN);

    assertThat(verdicts()).isEmpty();
    assertThat(letters()).hasSize(2).allMatch(letter -> letter.getReason().contains("nonce"));
    answered = null;
    aRoundIsDecided();
  }

  /** Two workers of a foreign arithmetic see nothing that the run's own would have to see. */
  @ParameterizedTest
  @ValueSource(strings = {"same", "00000000000000aa"})
  void whatAForeignArithmeticCannotRepresentShowsNothing(String arithmetic) throws Exception {
    driver.close();
    start(List.of("on-divergence=skip-round", "compute.arithmetic=" + arithmetic));
    send("alice/0", 0, 1, Float.NaN, FOREIGN); // with "same" before anything is decided
    send("bob/0", 0, 1, Float.NaN, FOREIGN);
    send(0, 0, 1f, OWN);
    send("alice/0", 0, 1, Float.NaN, FOREIGN);
    send("bob/0", 0, 1, Float.NaN, FOREIGN);

    assertThat(read(run.topics().statistics())).isEmpty();
    assertThat(verdicts()).isEmpty();
    assertThat(letters())
        .hasSize(4)
        .last()
        .satisfies(
            letter -> assertThat(letter.getReason()).contains("takes 00000000000000aa alone"));
    assertThat(metrics())
        .hasSize(4)
        .noneMatch(metric -> metric.getRefused().getDiverged())
        .last()
        .satisfies(metric -> assertThat(metric.getRefused().getTakes()).isEqualTo(OWN));
    send(0, 1, 3f, OWN);
    send(1, 0, 10f, OWN);
    send(1, 1, 30f, OWN);
    assertThat(update()).isEqualTo(22f);
  }

  /** Who is first in a run's first round may have others beside it that have just not answered. */
  @Test
  void oneWorkerAloneCannotHaveARoundSkippedThatOthersEnd() throws Exception {
    driver.close();
    start(List.of("on-divergence=skip-round"));
    for (int round = 0; round < 2; round++) {
      send("mallory/0", 1, 0, 10f);
      for (int thread = 0; thread < 100; thread++) {
        send("mallory/" + thread, 0, 1, Float.NaN);
      }
      assertThat(read(run.topics().statistics())).isEmpty();

      send("alice/0", 0, 0, 1f);
      send("alice/0", 0, 1, 3f);
      send("alice/0", 1, 1, 30f);
      final Verdict verdict = verdicts().getFirst();
      assertThat(verdict.getSkipped()).isFalse();
      read(run.topics().statistics());
      answered = verdict;
    }
  }

  @Test
  void statisticsOfAnotherFormDoNotEndTheResolver() throws Exception {
    final var forged = ShardStatistics.newBuilder().setManifest(run.manifest().hash());
    forged.addShardsBuilder().setShard(0).addGram(Double.NaN);
    driver
        .createInputTopic(
            run.topics().statistics(), new ByteArraySerializer(), new ByteArraySerializer())
        .pipeInput(Keys.round(0), forged.build().toByteArray());

    assertThat(letters()).singleElement().asString().contains("does not have");
    aRoundIsDecided();
  }

  @Test
  void aVerdictThatFollowsFromNoneIsRefused() throws Exception {
    final Verdict forged =
        Verdict.newBuilder().setRound(30).setManifest(run.manifest().hash()).build();
    driver
        .createInputTopic(
            run.topics().verdicts(), new ByteArraySerializer(), new ByteArraySerializer())
        .pipeInput(Keys.round(30), forged.toByteArray());

    assertThat(letters()).singleElement().asString().contains("the last one is of round -1");
    aRoundIsDecided();
  }

  /** As it comes, a foreign gradient is held; it is refused once it is known to be foreign. */
  @Test
  void theFirstSlotDecidesWhichArithmeticTheRunTakes() throws Exception {
    restart("same");
    send(1, 0, 99f, FOREIGN);
    send(0, 1, 3f, OWN);
    assertThat(letters()).isEmpty();

    send(0, 0, 1f, OWN);
    assertThat(letters())
        .singleElement()
        .satisfies(
            letter ->
                assertThat(letter.getReason())
                    .isEqualTo(
                        "arithmetic: 00000000000000bb, the run takes 00000000000000aa alone"));
    assertThat(metrics())
        .singleElement()
        .satisfies(metric -> assertThat(metric.getRefused().getTakes()).isEqualTo(OWN));

    send(1, 0, 10f, OWN);
    send(1, 1, 30f, FOREIGN);
    assertThat(verdicts()).isEmpty();
    send(1, 1, 30f, OWN);

    assertThat(verdicts())
        .singleElement()
        .satisfies(verdict -> assertThat(verdict.getFingerprint()).isEqualTo(OWN));
    assertThat(update()).isEqualTo(22f);
  }

  @Test
  void aGradientWithoutAFingerprintDoesNotDecide() throws Exception {
    restart("same");

    send(0, 0, 1f, 0);

    assertThat(letters()).singleElement().asString().contains("no fingerprint");
  }

  @Test
  void aNamedArithmeticIsTheOnlyOne() throws Exception {
    restart("00000000000000aa");
    send(0, 0, 1f, FOREIGN);

    assertThat(letters()).singleElement().asString().contains("takes 00000000000000aa alone");
    send(0, 0, 1f, OWN);
    send(0, 1, 3f, OWN);
    send(1, 0, 10f, OWN);
    send(1, 1, 30f, OWN);
    assertThat(update()).isEqualTo(22f);
  }

  @Test
  void anyArithmeticIsTakenWhereTheSpecSaysNothing() throws Exception {
    send(0, 0, 1f, FOREIGN);
    send(0, 1, 3f, OWN);
    send(1, 0, 10f, 0);
    send(1, 1, 30f, OWN);

    assertThat(letters()).isEmpty();
    assertThat(verdicts())
        .singleElement()
        .satisfies(verdict -> assertThat(verdict.getFingerprint()).isZero());
  }

  private void restart(String arithmetic) {
    driver.close();
    start(arithmetic);
  }

  private long open() {
    return answered == null ? 0 : answered.getRound() + 1;
  }

  private void send(int task, int slot, float value) {
    send("w", task, slot, value, OWN);
  }

  private void send(int task, int slot, float value, long fingerprint) {
    send("w", task, slot, value, fingerprint);
  }

  private void send(String worker, int task, int slot, float value) {
    send(worker, task, slot, value, OWN);
  }

  private void send(String worker, int task, int slot, float value, long fingerprint) {
    final GradientShard header =
        RoundOrders.answer(new RoundOrders(run.spec()).of(open(), task, slot, 0))
            .setNonce(answered == null ? 0 : answered.getNonce())
            .setManifest(run.manifest().hash())
            .setWorker(worker)
            .setSamples(1)
            .setLoss(1)
            .setFingerprint(fingerprint)
            .setType(DataType.FLOAT32)
            .setDigest(Digests.UNKNOWN)
            .build();
    final byte[] record = ValuesRecord.allocate(header, SIZE * Float.BYTES);
    final MemorySegment values = ValuesRecord.valuesOf(record, SIZE * Float.BYTES);
    values.set(ValueType.FLOAT, 0, value);
    ValuesRecord.replaceHeader(
        record,
        header.toBuilder()
            .setDigest(
                Digests.of(run.description().digest(), run.topics().nameOf(task), header, values))
            .build());
    driver
        .createInputTopic(
            run.topics().gradients(task), new ByteArraySerializer(), new ByteArraySerializer())
        .pipeInput(Keys.shard(0), record);
  }

  private List<byte[]> read(String topic) {
    return driver
        .createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer())
        .readValuesToList();
  }

  private List<Verdict> verdicts() throws Exception {
    final var verdicts = new ArrayList<Verdict>();
    for (final byte[] each : read(run.topics().verdicts())) {
      verdicts.add(Verdict.parseFrom(each));
    }
    return verdicts;
  }

  private List<DeadLetter> letters() throws Exception {
    final var letters = new ArrayList<DeadLetter>();
    for (final byte[] each : read(run.topics().deadLetters())) {
      letters.add(DeadLetter.parseFrom(each));
    }
    return letters;
  }

  private List<Metric> metrics() throws Exception {
    final var metrics = new ArrayList<Metric>();
    for (final byte[] each : read(run.topics().metrics())) {
      metrics.add(Metric.parseFrom(each));
    }
    return metrics;
  }

  /** The first value of the one update. */
  private float update() throws Exception {
    final List<byte[]> updates = read(run.topics().updates());
    assertThat(updates).hasSize(1);
    return ValuesRecord.read(updates.getFirst(), UpdateShard.parser())
        .values()
        .get(ValueType.FLOAT, 0);
  }
}
