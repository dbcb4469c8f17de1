package io.gradstream.server.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.StateRecord.Owner;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.InitialState;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.StoreImage;
import io.gradstream.proto.streams.HeldRecords;
import io.gradstream.proto.streams.InPlaceStore;
import io.gradstream.proto.streams.InputPositions;
import io.gradstream.proto.topic.LogReader;
import io.gradstream.proto.topic.Topics;
import io.gradstream.server.dispatch.Dispatcher;
import io.gradstream.server.weights.PartitionWeights;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves one partition: updates in, weights out; on partition 0 verdicts in, orders out.
 *
 * <p>An update is applied when its turn comes and published as the shard's next version. The
 * store's metadata says how far each topic was read, see {@link InputPositions}; what may have been
 * lost in a crash is published again with the same bits when the record it followed from is read
 * again.
 *
 * <p>One instance per task of Kafka Streams, on that task's thread.
 */
final class PartitionServer implements Processor<byte[], byte[], byte[], byte[]> {
  static final String STORE = "weights";
  private static final Logger LOG = LoggerFactory.getLogger(PartitionServer.class);
  private static final Duration SOON = Duration.ofMillis(100);

  /** When an update of a shard is to be applied. */
  private record Turn(long round, int shard) {
    static final Comparator<Turn> ORDER =
        Comparator.comparingLong(Turn::round).thenComparingInt(Turn::shard);
  }

  private final Run run;
  private final Topics topics;
  private final Kernels kernels;
  private final LogReader log;
  private final InputPositions progress;
  private HeldRecords<Turn> held;
  private ProcessorContext<byte[], byte[]> context;
  private InPlaceStore store;
  private PartitionWeights weights;
  private Dispatcher dispatcher;
  private Cancellable soon;
  private int partition;
  private boolean resumed;

  @SuppressWarnings("NullAway.Init") // Kafka Streams calls init before anything else
  PartitionServer(Run run, Kernels kernels) {
    this.run = run;
    this.topics = run.topics();
    this.kernels = kernels;
    this.log = new LogReader(run.connection(), topics.serverApplication());
    this.progress = new InputPositions(log);
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> processorContext) {
    context = processorContext;
    partition = context.taskId().partition();
    // After a fault Kafka Streams initialises the same processor again, from the last commit.
    held = new HeldRecords<>(Turn.ORDER, log, run.spec().transport().heldMaxBytes());
    store = context.getStateStore(STORE);
    weights = new PartitionWeights(run.spec(), run.manifest(), partition, kernels, store);
    final Optional<byte[]> bytes =
        store.recover(log, () -> metadata().toByteArray()).or(this::begin);
    final ServerMetadata metadata =
        bytes.map(PartitionServer::parseMetadata).orElse(ServerMetadata.getDefaultInstance());
    metadata
        .getShardsList()
        .forEach(shard -> weights.restore(shard.getShard(), shard.getVersion(), shard.getUpdate()));
    metadata
        .getHeldList()
        .forEach(
            place ->
                held.hold(
                    new Turn(place.getRound(), place.getShard()), updates(), place.getOffset()));
    progress.restore(metadata.getPositionsMap());
    dispatcher =
        new Dispatcher(
            run.spec(),
            bytes.isPresent() ? metadata.getOrdered() : Dispatcher.NONE,
            metadata.getOrderedScalarized(),
            metadata.getOrderedNonce(),
            context.currentSystemTimeMs());
    resumed = false;
    soon =
        context.schedule(SOON, PunctuationType.WALL_CLOCK_TIME, now -> store.change(this::resume));
  }

  /** A forked run goes on from its origin's store as after a restart. */
  private Optional<byte[]> begin() {
    final Optional<StoreImage> image = InitialState.of(run, log, partition, Owner.SERVER);
    image.ifPresent(store::begin);
    return image.map(of -> of.metadata().toByteArray());
  }

  private static ServerMetadata parseMetadata(byte[] bytes) {
    try {
      return ServerMetadata.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the store's note is no note of a server", e);
    }
  }

  private ServerMetadata metadata() {
    final var metadata =
        ServerMetadata.newBuilder()
            .putAllPositions(progress.positions())
            .setOrdered(dispatcher.ordered())
            .setOrderedScalarized(dispatcher.scalarized())
            .setOrderedNonce(dispatcher.nonce());
    for (final Shard shard : weights.shards()) {
      metadata
          .addShardsBuilder()
          .setShard(shard.index())
          .setVersion(weights.version(shard.index()))
          .setUpdate(weights.update(shard.index()));
    }
    held.forEach(
        (turn, offset) ->
            metadata
                .addHeldBuilder()
                .setRound(turn.round())
                .setShard(turn.shard())
                .setOffset(offset));
    return metadata.build();
  }

  private TopicPartition updates() {
    return new TopicPartition(topics.updates(), partition);
  }

  /** Reads what is missing; not in {@link #init}, where nothing can be forwarded yet. */
  private void resume() {
    if (resumed) {
      return;
    }
    resumed = true;
    soon.cancel();
    catchUp(updates());
    if (partition == 0) {
      catchUp(new TopicPartition(topics.verdicts(), partition));
    }
    LOG.info(
        "partition {} of {} goes on from weights version {}",
        partition,
        topics.run(),
        weights.shards().stream().mapToLong(s -> weights.version(s.index())).min().orElse(0));
  }

  private void catchUp(TopicPartition from) {
    progress.catchUp(from, (offset, value) -> take(from.topic(), offset, value));
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    final RecordMetadata source =
        context.recordMetadata().orElseThrow(() -> new IllegalStateException("no source"));
    store.change(
        () -> {
          resume();
          take(source.topic(), source.offset(), record.value());
        });
  }

  private void take(String topic, long offset, byte @Nullable [] value) {
    final boolean again = progress.contains(topic, offset);
    final byte[] bytes = value == null ? new byte[0] : value;
    try {
      if (topic.equals(topics.updates())) {
        update(offset, bytes);
      } else if (topic.equals(topics.verdicts())) {
        verdict(Verdict.parseFrom(bytes), again);
      } else if (!again) {
        metric(Metric.parseFrom(bytes));
      }
    } catch (MalformedRecordException | InvalidProtocolBufferException e) {
      refuse(new TopicPartition(topic, partition), offset, String.valueOf(e.getMessage()), bytes);
    }
    if (!again) {
      progress.tookIn(topic, offset);
    }
  }

  private void update(long offset, byte[] value) throws MalformedRecordException {
    final ValuesRecord<UpdateShard> update = ValuesRecord.read(value, UpdateShard.parser());
    final UpdateShard header = update.header();
    final Shard shard = weights.check(update);
    final long version = weights.version(shard.index());
    if (header.getInitial()) {
      if (version < 0) {
        weights.initialize(update);
        publish(shard);
        orderFirst();
      } else if (version == 0) {
        // Read again after a restart: what followed from it may have been lost.
        publish(shard);
        if (partition == 0 && shard.equals(weights.shards().getLast())) {
          order(dispatcher.repeat());
        }
      }
    } else if (header.getRound() == version - 1) {
      // Sent once more after a restart upstream: what followed from it may have been lost as well.
      publish(shard);
    } else if (header.getRound() >= version) {
      final var turn = new Turn(header.getRound(), shard.index());
      if (!held.contains(turn)) {
        held.hold(turn, updates(), offset, value);
      }
      apply(shard);
    }
  }

  /** Applies what is held for a shard, with those it has to be applied together with. */
  private void apply(Shard shard) throws MalformedRecordException {
    final List<Shard> together = weights.together(shard);
    long version = weights.version(shard.index());
    while (allReady(together, version)) {
      final var updates = new ArrayList<ValuesRecord<UpdateShard>>();
      for (final Shard each : together) {
        final HeldRecords.Taken taken = held.take(new Turn(version, each.index()));
        if (taken != null) {
          updates.add(ValuesRecord.read(taken.record(), UpdateShard.parser()));
        }
      }
      weights.apply(together, updates);
      together.forEach(this::publish);
      version++;
    }
  }

  private boolean allReady(List<Shard> shards, long round) {
    return shards.stream().allMatch(shard -> held.contains(new Turn(round, shard.index())))
        && shards.stream().allMatch(shard -> held.isReady(new Turn(round, shard.index())));
  }

  private void publish(Shard shard) {
    forward(Keys.shard(shard.index()), weights.record(shard), SinkNames.WEIGHTS);
  }

  private void orderFirst() {
    if (partition == 0
        && weights.shards().stream().allMatch(s -> weights.version(s.index()) >= 0)) {
      order(dispatcher.order(0, false, 0, context.currentSystemTimeMs()));
    }
  }

  private void verdict(Verdict verdict, boolean again) {
    if (partition != 0 || verdict.getManifest() != run.manifest().hash()) {
      return;
    }
    final long round = verdict.getRound() + 1;
    if (again && round == dispatcher.ordered()) {
      order(dispatcher.repeat());
    } else {
      order(
          dispatcher.order(
              round,
              verdict.getNextScalarized(),
              verdict.getNonce(),
              context.currentSystemTimeMs()));
    }
  }

  private void refuse(TopicPartition from, long offset, String reason, byte[] record) {
    LOG.warn("refused {} at offset {}: {}", from, offset, reason);
    final var letter = DeadLetters.of(from, offset, reason, record);
    forward(DeadLetters.key(from), letter.toByteArray(), SinkNames.DEAD_LETTERS);
  }

  private void metric(Metric metric) {
    if (partition == 0 && metric.hasRefused()) {
      order(dispatcher.orderAgain(metric.getRefused(), context.currentSystemTimeMs()));
    }
    if (partition == 0 && metric.hasWaiting()) {
      final List<Order> orders =
          dispatcher.orderAgain(metric.getWaiting(), context.currentSystemTimeMs());
      if (!orders.isEmpty()) {
        LOG.warn(
            "round {}: asking again for {} slots", metric.getWaiting().getRound(), orders.size());
      }
      order(orders);
    }
  }

  private void order(List<Order> orders) {
    for (final Order order : orders) {
      forward(Keys.shard(order.getSlot()), order.toByteArray(), SinkNames.orders(order.getTask()));
    }
  }

  private void forward(byte[] key, byte[] value, String sink) {
    context.forward(new Record<>(key, value, context.currentSystemTimeMs()), sink);
  }

  @Override
  public void close() {
    log.close();
  }
}
