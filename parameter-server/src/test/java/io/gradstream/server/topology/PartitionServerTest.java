package io.gradstream.server.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.evidence.Signers;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.streams.StreamsSettings;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.TopicKind;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyDescription;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the parameter server makes of records, one after the other. */
class PartitionServerTest {
  private static final int SIZE = 4;

  @TempDir Path directory;

  private Run run;
  private TopologyTestDriver driver;
  private TestInputTopic<byte[], byte[]> updates;
  private TestInputTopic<byte[], byte[]> verdicts;
  private final List<byte[]> logged = new ArrayList<>();
  private Verdict first;

  @BeforeEach
  void start() {
    start(null);
  }

  private void start(@Nullable Signer signer, String... overrides) {
    final RunSpec spec = spec(overrides);
    final Manifest manifest =
        Manifest.of(
            List.of("a", "b"),
            List.of(new TensorShape("w", new long[] {SIZE}, TensorShape.SHARED)),
            1000,
            1);
    run = new Run(RunDescription.of(spec, manifest), Connection.to("nowhere:1"));
    driver =
        new TopologyTestDriver(
            ParameterServer.topology(run, signer, this::log),
            StreamsSettings.of(run, run.topics().serverApplication(), "one", directory));
    updates = input(run.topics().updates());
    verdicts = input(run.topics().verdicts());
    first = verdict(0, ByteString.EMPTY);
  }

  private static RunSpec spec(String... overrides) {
    return RunSpec.parse(
        """
            run: any
            rounds: 100
            tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
            accumulation: {micro-batches: 2, batch-size: 1}
            model: toy
            resolver: sum
            optimizer: {type: sgd, learning-rate: 1.0}
            """,
        "test",
        List.of(overrides));
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

  private TestInputTopic<byte[], byte[]> input(String topic) {
    return driver.createInputTopic(topic, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** Access rights are given by what the topics declare. */
  @Test
  void itWritesThoseTopicsThatDeclareIt() {
    final Set<TopicKind> written =
        ParameterServer.topology(run, null, this::log).describe().subtopologies().stream()
            .flatMap(subtopology -> subtopology.nodes().stream())
            .filter(TopologyDescription.Sink.class::isInstance)
            .map(sink -> ((TopologyDescription.Sink) sink).topic())
            .flatMap(
                topic ->
                    Stream.of(TopicKind.values())
                        .filter(kind -> kind.includes(run.spec().run(), topic)))
            .collect(Collectors.toSet());

    assertThat(written).isEqualTo(TopicKind.writtenBy(TopicKind.Writer.SERVER));
  }

  @Test
  void initialWeightsArePublishedAndTheFirstRoundIsOrdered() {
    updates.pipeInput(Keys.shard(0), initial());

    assertThat(weights()).containsExactly(List.of(0L, 1f));
    assertThat(orders()).containsExactly("a 0", "a 1", "b 0", "b 1");
    assertThat(letters()).isEmpty();
  }

  @Test
  void anUpdateWaitsForItsVerdict() {
    updates.pipeInput(Keys.shard(0), initial());
    weights();
    orders();

    logged.add(first.toByteArray());
    updates.pipeInput(Keys.shard(0), update(0, Digests.of(first), 0.25f));
    assertThat(weights()).isEmpty();

    verdicts.pipeInput(Keys.round(0), first.toByteArray());
    assertThat(weights()).containsExactly(List.of(1L, 0.75f));
    assertThat(orders()).hasSize(4);
  }

  @Test
  void anUpdateOfAnotherVerdictIsRefusedWheneverItComes() {
    updates.pipeInput(Keys.shard(0), initial());
    weights();
    final ByteString other = Digests.of(first.toBuilder().setResolver("other").build());
    logged.add(first.toByteArray());

    updates.pipeInput(Keys.shard(0), update(0, other, 9f));
    updates.pipeInput(Keys.shard(0), update(0, Digests.of(first), 0.25f));
    verdicts.pipeInput(Keys.round(0), first.toByteArray());
    assertThat(weights()).containsExactly(List.of(1L, 0.75f));
    assertThat(letters()).containsExactly("an update that follows from another verdict of round 0");

    final Verdict second = verdict(1, Digests.of(first));
    verdicts.pipeInput(Keys.round(1), second.toByteArray());
    updates.pipeInput(Keys.shard(0), update(1, other, 9f));
    updates.pipeInput(Keys.shard(0), update(1, Digests.of(second), 0.25f));
    assertThat(weights()).containsExactly(List.of(2L, 0.5f));
    assertThat(letters()).containsExactly("an update that follows from another verdict of round 1");
  }

  @Test
  void anUpdateFarAheadOfTheVerdictsIsRefused() {
    updates.pipeInput(Keys.shard(0), initial());

    updates.pipeInput(Keys.shard(0), update(50, Digests.of(first), 9f));

    assertThat(letters()).containsExactly("an update of round 50, the last verdict is of round -1");
  }

  /** Nobody can have written an update whose verdict is not there yet: no memory is spent on it. */
  @Test
  void ofUpdatesThatCameBeforeTheirVerdictOneIsHeldForAShard() {
    updates.pipeInput(Keys.shard(0), initial());
    weights();
    for (int copy = 0; copy < 100; copy++) {
      updates.pipeInput(Keys.shard(0), update(0, Digests.of(first), copy));
    }
    assertThat(letters())
        .hasSize(100)
        .allMatch("an update of round 0, the last verdict is of round -1"::equals);
    // Somebody's verdict of a later round makes no round begin.
    logged.add(first.toByteArray());
    logged.add(verdict(90, Digests.of(first)).toByteArray());
    for (int round = 0; round < 90; round++) {
      for (int copy = 0; copy < 3; copy++) {
        updates.pipeInput(Keys.shard(0), update(round, Digests.of(first), copy == 0 ? 0.25f : 7f));
      }
    }
    assertThat(letters())
        .hasSize(3 * 89)
        .allMatch(letter -> letter.endsWith("the last verdict is of round 0"));

    verdicts.pipeInput(Keys.round(0), first.toByteArray());

    assertThat(weights()).containsExactly(List.of(1L, 0.75f));
  }

  @Test
  void aVerdictThatDoesNotGoOnFromTheLastOneIsRefusedAndTheRunGoesOn() {
    updates.pipeInput(Keys.shard(0), initial());
    orders();

    verdicts.pipeInput(Keys.round(30), verdict(30, Digests.of(first)).toByteArray());
    verdicts.pipeInput(Keys.round(0), verdict(0, Digests.of(first)).toByteArray());
    verdicts.pipeInput(
        Keys.round(0), first.toBuilder().setRun(Digests.UNKNOWN).build().toByteArray());
    assertThat(orders()).isEmpty();
    assertThat(letters())
        .containsExactly(
            "a verdict of round 30, the last one is of round -1",
            "a verdict of round 0 that does not go on from that of round -1",
            "a verdict of another run");

    verdicts.pipeInput(Keys.round(0), first.toByteArray());
    assertThat(orders()).hasSize(4);
  }

  @Test
  void emptyAndGarbledRecordsAreRefused() {
    final byte[] garbage = "certainly no record".getBytes(StandardCharsets.UTF_8);
    for (final TestInputTopic<byte[], byte[]> topic :
        List.of(updates, verdicts, input(run.topics().metrics()))) {
      topic.pipeInput(Keys.shard(0), garbage);
      topic.pipeInput(Keys.shard(0), (byte[]) null);
    }

    assertThat(letters()).hasSize(6).contains("not a verdict", "not a metric", "an empty record");
    updates.pipeInput(Keys.shard(0), initial());
    assertThat(orders()).hasSize(4);
  }

  @Test
  void everyVersionIsSealedAfterItsShards() throws InvalidProtocolBufferException {
    updates.pipeInput(Keys.shard(0), initial());
    verdicts.pipeInput(Keys.round(0), first.toByteArray());
    updates.pipeInput(Keys.shard(0), update(0, Digests.of(first), 0.25f));

    final List<TestRecord<byte[], byte[]>> records = records(run.topics().weights());
    assertThat(records).hasSize(4);
    final WeightSeal initial = WeightSeal.parseFrom(records.get(1).getValue());
    assertThat(records.get(1).getKey()).isEqualTo(Keys.seal());
    assertThat(initial.getVersion()).isZero();
    assertThat(initial.getVerdict()).isEqualTo(run.description().digest());
    final WeightSeal next = WeightSeal.parseFrom(records.get(3).getValue());
    assertThat(next.getVersion()).isEqualTo(1);
    assertThat(next.getVerdict()).isEqualTo(Digests.of(first));
    assertThat(next.getDigest()).isEqualTo(Digests.of(run.description().digest(), next));
    assertThat(next.getShards(0).getWeights())
        .isEqualTo(WeightShard.parseFrom(records.get(2).getValue()).getDigest());
  }

  @Test
  void sealsAreSignedWhereTheRunListsTheServersKey() throws Exception {
    driver.close();
    final Path key = directory.resolve("one.key");
    final String keys = "keys=[{server: one, public-key: %s}]".formatted(Signer.generate(key));
    start(Signer.read(key, spec(keys), Role.SERVER), keys);

    updates.pipeInput(Keys.shard(0), initial());

    final WeightSeal seal =
        WeightSeal.parseFrom(records(run.topics().weights()).getLast().getValue());
    assertThat(seal.getDigest()).isEqualTo(Digests.of(run.description().digest(), seal));
    assertThatCode(() -> Signers.of(run.spec()).check(seal)).doesNotThrowAnyException();
  }

  @Test
  void aSkippedRoundLeadsToAVersionWithTheSameValuesAndToTheNextOrders() {
    updates.pipeInput(Keys.shard(0), initial());
    weights();
    orders();
    final Verdict skipped = first.toBuilder().setSkipped(true).build();
    verdicts.pipeInput(Keys.round(0), skipped.toByteArray());

    updates.pipeInput(
        Keys.shard(0),
        record(UpdateShard.newBuilder().setVerdict(Digests.of(skipped)).setSkipped(true), 0f));

    assertThat(weights()).containsExactly(List.of(1L, 1f));
    assertThat(orders()).hasSize(4);
    assertThat(letters()).isEmpty();
  }

  /** Version and first value of what was published. */
  private List<List<Object>> weights() {
    return records(run.topics().weights()).stream()
        .filter(record -> !Arrays.equals(record.getKey(), Keys.seal()))
        .map(TestRecord::getValue)
        .map(
            record -> {
              try {
                final var read = ValuesRecord.read(record, WeightShard.parser());
                return List.<Object>of(
                    read.header().getVersion(), read.values().get(ValueType.FLOAT, 0));
              } catch (MalformedRecordException e) {
                throw new AssertionError(e);
              }
            })
        .toList();
  }

  private List<String> orders() {
    return run.topics().tasks().stream()
        .flatMap(
            task ->
                read(run.topics().orders(run.topics().tasks().indexOf(task))).stream()
                    .map(record -> task + " " + order(record).getSlot()))
        .toList();
  }

  private static Order order(byte[] record) {
    try {
      return Order.parseFrom(record);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private List<String> letters() {
    return read(run.topics().deadLetters()).stream()
        .map(
            record -> {
              try {
                return DeadLetter.parseFrom(record).getReason();
              } catch (InvalidProtocolBufferException e) {
                throw new AssertionError(e);
              }
            })
        .toList();
  }

  private List<byte[]> read(String topic) {
    return records(topic).stream().map(TestRecord::getValue).toList();
  }

  private List<TestRecord<byte[], byte[]>> records(String topic) {
    driver.advanceWallClockTime(Duration.ofSeconds(1));
    return driver
        .createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer())
        .readRecordsToList();
  }

  private Verdict verdict(long round, ByteString previous) {
    return Verdict.newBuilder()
        .setRound(round)
        .setManifest(run.manifest().hash())
        .setRun(run.description().digest())
        .setPrevious(previous)
        .build();
  }

  private byte[] initial() {
    return record(
        UpdateShard.newBuilder().setInitial(true).setVerdict(run.description().digest()), 1f);
  }

  private byte[] update(long round, ByteString verdict, float value) {
    return record(UpdateShard.newBuilder().setRound(round).setVerdict(verdict), value);
  }

  private byte[] record(UpdateShard.Builder builder, float value) {
    final UpdateShard header =
        builder
            .setManifest(run.manifest().hash())
            .setType(DataType.FLOAT32)
            .setDigest(Digests.UNKNOWN)
            .build();
    final byte[] record = ValuesRecord.allocate(header, SIZE * Float.BYTES);
    final MemorySegment values = ValuesRecord.valuesOf(record, SIZE * Float.BYTES);
    for (int i = 0; i < SIZE; i++) {
      values.setAtIndex(ValueType.FLOAT, i, value);
    }
    Digests.seal(record, header, values);
    return record;
  }
}
