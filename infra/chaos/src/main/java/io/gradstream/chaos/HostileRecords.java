package io.gradstream.chaos;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.Topics;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/**
 * Records that none of a run's services can have sent, for each of its topics: nothing at all,
 * bytes that are no record, records of other runs and formats, and such as fit in all but one
 * thing.
 *
 * <p>None of them may change the run's weights, end a service or a command, or keep a service from
 * starting again. What they do not do is fit in everything: against somebody who may write to a
 * topic and makes such records there are keys and the audit. Bad gradients of an open slot are
 * {@link HostileProducer}'s.
 *
 * <p>One use, one thread.
 */
public final class HostileRecords {
  private static final long NEVER = 1L << 62;
  private static final long[] OTHER_VERSIONS = {NEVER, 999_999, -1, Long.MIN_VALUE};

  /** So far ahead of the log as services may think that they are behind. */
  private static final int AHEAD = 30;

  private final Run run;
  private final Topics topics;
  private final long manifest;
  private final long round;
  private final List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();

  private HostileRecords(Run run, long round) {
    this.run = run;
    this.topics = run.topics();
    this.manifest = run.manifest().hash();
    this.round = round;
  }

  /**
   * The records, in the order of the flow.
   *
   * @param round the one that is open, as far as the sender knows
   */
  public static List<ProducerRecord<byte[], byte[]>> of(Run run, long round) {
    final var hostile = new HostileRecords(run, round);
    hostile.litter();
    hostile.runRecords();
    hostile.orders();
    hostile.gradients();
    hostile.statistics();
    hostile.verdicts();
    hostile.updates();
    hostile.weights();
    hostile.seals();
    hostile.metrics();
    hostile.deadLetters();
    return hostile.records;
  }

  /** Sends all of them, and waits until the brokers have them. */
  public static void send(Run run, long round) {
    try (var producer = new KafkaProducer<byte[], byte[]>(run.connection().producer())) {
      final List<Future<?>> sent = new ArrayList<>();
      of(run, round).forEach(record -> sent.add(producer.send(record)));
      for (final Future<?> each : sent) {
        each.get();
      }
    } catch (ExecutionException e) {
      throw new KafkaException("a hostile record could not be sent", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while sending", e);
    }
  }

  private void add(String topic, int partition, byte[] key, byte @Nullable [] value) {
    records.add(new ProducerRecord<>(topic, partition, key, value));
  }

  private void add(String topic, int partition, byte[] key, MessageLite record) {
    add(topic, partition, key, record.toByteArray());
  }

  /** Nothing, and bytes that are no record, on all partitions of all topics. */
  private void litter() {
    for (final TopicKind kind : TopicKind.values()) {
      final int partitions =
          switch (kind.partitions()) {
            case ONE -> 1;
            case SHARDS, COPIES -> run.manifest().partitions();
            case SLOTS -> run.orderPartitions();
          };
      for (final String topic : run.description().topicsOf(kind)) {
        for (int partition = 0; partition < partitions; partition++) {
          for (final byte[] key : List.of(Keys.shard(0), Keys.seal(), Keys.round(round))) {
            add(topic, partition, key, (byte[]) null);
            add(topic, partition, key, new byte[0]);
            add(topic, partition, key, new byte[] {1, 2, 3});
            add(topic, partition, key, "certainly none of the run's records".getBytes(UTF_8));
          }
        }
      }
    }
  }

  /** The run described once more: longer, of another name, by a version that is still to come. */
  private void runRecords() {
    final byte[] key = run.spec().run().getBytes(UTF_8);
    for (final String change : List.of("rounds=" + (run.spec().rounds() + 1), "run=another")) {
      final RunSpec other = RunSpec.parse(run.spec().text(), "hostile", List.of(change));
      final ByteString record = RunDescription.of(other, run.manifest()).record();
      add(topics.spec(), 0, key, record.toByteArray());
    }
    add(topics.spec(), 0, key, RunRecord.newBuilder().setFormat(99).setSpec("?").build());
  }

  private void orders() {
    final var orders = new RoundOrders(run.spec());
    final Order open = orders.of(round, 0, 0, 0);
    final List<Order> hostile =
        List.of(
            Order.newBuilder().setRound(1_000_000).build(),
            open.toBuilder().setRound(-1).build(),
            open.toBuilder().setTask(1_000).build(),
            open.toBuilder().setSlot(-1).build(),
            open.toBuilder().setMicroBatch(Long.MAX_VALUE).build(),
            open.toBuilder().setMicroBatch(Long.MIN_VALUE).build(),
            open.toBuilder().setWeightsVersion(NEVER).build(),
            open.toBuilder().setBatchSize(Integer.MAX_VALUE).build(),
            open.toBuilder().setKindValue(77).build(),
            open.toBuilder().setLocalSteps(1_000_000).build(),
            // One that could be, before its time or after the run's end.
            orders.of(round + AHEAD, 0, 0, 0));
    for (int task = 0; task < run.orderedTasks(); task++) {
      for (int partition = 0; partition < run.orderPartitions(); partition++) {
        for (final Order order : hostile) {
          add(topics.orders(task), partition, Keys.shard(0), order);
        }
      }
    }
  }

  private void gradients() {
    final var orders = new RoundOrders(run.spec());
    final Shard shard = run.manifest().shard(0);
    for (int task = 0; task < run.manifest().tasks().size(); task++) {
      final GradientShard open =
          RoundOrders.answer(orders.of(round, task, 0, 0))
              .setManifest(manifest)
              .setWorker("hostile")
              .setType(type())
              .setValues(zeros(shard))
              .build();
      for (final GradientShard each :
          List.of(
              open.toBuilder().setRound(NEVER).build(),
              open.toBuilder().setSlot(-1).build(),
              open.toBuilder().setShard(Integer.MAX_VALUE).build(),
              open.toBuilder().setMicroBatch(Long.MAX_VALUE).build(),
              open.toBuilder().setNonce(~0L).build(),
              open.toBuilder().setWorker("w".repeat(10_000)).build(),
              open.toBuilder().setLoss(Double.NaN).build(),
              open)) { // whose digest is missing
        add(topics.gradients(task), shard.partition(), Keys.shard(0), each);
      }
    }
  }

  private void statistics() {
    final ShardStatistics open =
        ShardStatistics.newBuilder().setRound(round).setManifest(manifest).build();
    final var product = ShardStatistics.Products.newBuilder();
    for (final ShardStatistics each :
        List.of(
            open,
            open.toBuilder().setRound(NEVER).build(),
            open.toBuilder().setRound(round + AHEAD).addShards(product).build(),
            open.toBuilder().setPartition(-1).addShards(product).build(),
            open.toBuilder().addShards(product.setShard(1_000_000)).build(),
            open.toBuilder().addShards(product.setShard(0).addGram(Double.NaN)).build(),
            open.toBuilder()
                .addSlots(ShardStatistics.Slot.newBuilder().setTask(99).setLoss(Double.NaN))
                .build())) {
      add(topics.statistics(), 0, Keys.round(round), each);
    }
  }

  private void verdicts() {
    final Verdict open =
        Verdict.newBuilder()
            .setRound(round)
            .setManifest(manifest)
            .setRun(run.description().digest())
            .setPrevious(Digests.UNKNOWN)
            .build();
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      for (final Verdict each :
          List.of(
              open,
              open.toBuilder().setManifest(~manifest).build(),
              open.toBuilder().setRun(Digests.UNKNOWN).build(),
              open.toBuilder().setRound(round - 1).build(),
              open.toBuilder().setRound(round + AHEAD).build(),
              open.toBuilder().setRound(NEVER).build(),
              open.toBuilder().setRound(-1).build())) {
        add(topics.verdicts(), partition, Keys.round(each.getRound()), each);
      }
    }
  }

  private void updates() {
    for (final Shard shard : run.manifest().shards()) {
      final UpdateShard update =
          UpdateShard.newBuilder()
              .setShard(shard.index())
              .setManifest(manifest)
              .setType(type())
              .setVerdict(Digests.UNKNOWN)
              .setValues(zeros(shard))
              .build();
      add(update.toBuilder().setInitial(true).build(), shard);
      add(update.toBuilder().setRound(round).setValues(ByteString.EMPTY).build(), shard);
      LongStream.concat(LongStream.of(OTHER_VERSIONS), LongStream.range(round, round + AHEAD))
          .forEach(each -> add(update.toBuilder().setRound(each).build(), shard));
    }
  }

  private void add(UpdateShard update, Shard shard) {
    add(topics.updates(), shard.partition(), Keys.shard(shard.index()), update);
  }

  /**
   * Versions with digests that fit, which no seal names: so many that whoever begins to read near
   * the end sees nothing else.
   */
  private void weights() {
    for (final Shard shard : run.manifest().shards()) {
      LongStream.concat(LongStream.of(OTHER_VERSIONS), LongStream.range(round, round + 5))
          .forEach(
              version ->
                  add(
                      topics.weights(),
                      shard.partition(),
                      Keys.shard(shard.index()),
                      weights(version, shard)));
    }
  }

  /**
   * Whole versions with seals that fit: of such that cannot be, and of one that is still to come;
   * and of the next one, unsigned.
   */
  private void seals() {
    final long ahead = round + AHEAD;
    final boolean isToCome = ahead < run.spec().rounds();
    for (final Shard shard : run.manifest().shards()) {
      if (isToCome) {
        add(topics.weights(), shard.partition(), Keys.shard(shard.index()), weights(ahead, shard));
      }
    }
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      if (isToCome) {
        add(topics.weights(), partition, Keys.seal(), seal(partition, ahead).build());
      }
      for (final long version : OTHER_VERSIONS) {
        add(topics.weights(), partition, Keys.seal(), seal(partition, version).build());
      }
      final WeightSeal.Builder next = seal(partition, round + 1);
      if (!run.spec().keys(Role.SERVER).isEmpty()) {
        add(topics.weights(), partition, Keys.seal(), next.build());
        add(
            topics.weights(),
            partition,
            Keys.seal(),
            next.setSignature(ByteString.copyFrom(new byte[64])).build());
      }
      add(topics.weights(), partition, Keys.seal(), next.setPartition(-1).build());
      add(topics.weights(), partition, Keys.seal(), next.clearShards().build());
    }
  }

  private WeightSeal.Builder seal(int partition, long version) {
    final var seal =
        WeightSeal.newBuilder()
            .setVersion(version)
            .setPartition(partition)
            .setManifest(manifest)
            .setVerdict(Digests.UNKNOWN);
    for (final Shard shard : run.manifest().shardsOf(partition)) {
      final byte[] values = zeros(shard).toByteArray();
      seal.addShardsBuilder()
          .setShard(shard.index())
          .setWeights(Digests.of(header(version, shard), MemorySegment.ofArray(values)));
    }
    return seal.setDigest(Digests.of(run.description().digest(), seal.build()));
  }

  private WeightShard weights(long version, Shard shard) {
    final WeightShard header = header(version, shard);
    final ByteString values = zeros(shard);
    return header.toBuilder()
        .setDigest(Digests.of(header, MemorySegment.ofArray(values.toByteArray())))
        .setValues(values)
        .build();
  }

  private WeightShard header(long version, Shard shard) {
    return WeightShard.newBuilder()
        .setVersion(version)
        .setShard(shard.index())
        .setManifest(manifest)
        .setType(type())
        .build();
  }

  private void metrics() {
    final var waiting = Metric.Waiting.newBuilder().setRound(NEVER).setWaitedMs(Long.MIN_VALUE);
    for (int i = 0; i < 10_000; i++) {
      waiting.addSlotsBuilder().setTask(i).setSlot(-i);
    }
    final var refused =
        Metric.Refused.newBuilder()
            .setRound(round)
            .setTask(1_000_000)
            .setSlot(-1)
            .setWorker("\u001b[2J")
            .setDiverged(true);
    final var validation =
        Metric.Validation.newBuilder().putLosses(run.manifest().tasks().getFirst(), Double.NaN);
    for (final Metric each :
        List.of(
            Metric.newBuilder().setName("\u001b[2J").build(),
            Metric.newBuilder().setWaiting(waiting).build(),
            Metric.newBuilder().setWaiting(waiting.setRound(round)).build(),
            Metric.newBuilder().setRefused(refused).build(),
            Metric.newBuilder().setValidation(validation.setVersion(round)).build(),
            Metric.newBuilder().setValidation(validation.setVersion(run.spec().rounds())).build(),
            Metric.newBuilder().setValidation(validation.setVersion(NEVER)).build())) {
      add(topics.metrics(), 0, "hostile".getBytes(UTF_8), each);
    }
  }

  private void deadLetters() {
    final DeadLetter letter =
        DeadLetter.newBuilder()
            .setTopic("\u001b[2J")
            .setPartition(-1)
            .setOffset(Long.MIN_VALUE)
            .setReason("\u001b[2J not printable")
            .setWorker("w".repeat(10_000))
            .setRound(Long.MIN_VALUE)
            .build();
    add(topics.deadLetters(), 0, Keys.shard(0), letter);
  }

  private DataType type() {
    return ValuesRecord.typeOf(run.spec().transport().valueType());
  }

  private ByteString zeros(Shard shard) {
    return ByteString.copyFrom(
        new byte[shard.length() * run.spec().transport().valueType().bytes()]);
  }
}
