package io.gradstream.server.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.StateRecord.Owner;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.InitialState;
import io.gradstream.proto.run.LostRound;
import io.gradstream.proto.run.OrderGaps;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.StoreImage;
import io.gradstream.proto.run.VerdictsAhead;
import io.gradstream.proto.streams.InPlaceStore;
import io.gradstream.proto.streams.InputPositions;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.TopicKind.Writer;
import io.gradstream.proto.topic.Topics;
import io.gradstream.server.dispatch.OrderPolicy;
import io.gradstream.server.weights.PartitionWeights;
import java.time.Duration;
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
 * Serves one partition: updates and verdicts in, weights out; on partition 0 orders out as well.
 *
 * <p>The store's metadata says how far each topic was read, see {@link InputPositions}; what may
 * have been lost in a crash is published again with the same bits when the record that it follows
 * from is read again. A record that is not one of the run's goes to the dead letters, and the run
 * goes on.
 *
 * <p>One instance per task of Kafka Streams, on that task's thread.
 */
final class PartitionServer implements Processor<byte[], byte[], byte[], byte[]> {
  static final String NAME = "partition";
  static final String STORE = "weights";
  private static final Logger LOG = LoggerFactory.getLogger(PartitionServer.class);
  private static final Duration RESUME_DELAY = Duration.ofMillis(100);

  private final Run run;
  private final @Nullable Signer signer;
  private final Topics topics;
  private final Kernels kernels;
  private final LogReader log;
  private final InputPositions progress;
  private final VerdictChain verdicts;
  private ProcessorContext<byte[], byte[]> context;
  private InPlaceStore store;
  private PartitionWeights weights;
  private VerdictsAhead ahead;
  private UpdateIntake updates;
  private OrderPolicy policy;
  private OrderIssuer orders;
  private TopicSinks sinks;
  private SealedWeightsPublisher publisher;
  private Cancellable resumption;
  private int partition;
  private boolean resumed;
  private boolean repeated;

  /**
   * @param signer whose key signs the seals of weights; null where nobody has to
   * @param log reads the run's topics beside the subscription; closed with the processor, which may
   *     open it again
   */
  @SuppressWarnings("NullAway.Init") // Kafka Streams calls init before anything else
  PartitionServer(Run run, @Nullable Signer signer, Kernels kernels, LogReader log) {
    this.run = run;
    this.signer = signer;
    this.topics = run.topics();
    this.kernels = kernels;
    this.log = log;
    this.progress = new InputPositions(log);
    this.verdicts = new VerdictChain(run.description());
  }

  /** After a fault Kafka Streams initialises the same processor again, from the last commit. */
  @Override
  public void init(ProcessorContext<byte[], byte[]> processorContext) {
    context = processorContext;
    partition = context.taskId().partition();
    sinks = new TopicSinks(topics, Writer.SERVER, NAME, context);
    store = context.getStateStore(STORE);
    weights = new PartitionWeights(run.spec(), run.manifest(), partition, kernels, store);
    final Optional<byte[]> bytes =
        store.recover(log, () -> metadata().toByteArray()).or(this::forkState);
    final ServerMetadata metadata =
        bytes.map(PartitionServer::parseMetadata).orElse(ServerMetadata.getDefaultInstance());
    metadata.getShardsList().forEach(weights::restore);
    verdicts.restore(metadata);
    publisher = new SealedWeightsPublisher(run.description(), signer, weights, verdicts, sinks);
    progress.restore(metadata.getPositionsMap());
    final var topic = new TopicPartition(topics.verdicts(), partition);
    ahead = new VerdictsAhead(run.description(), log, topic, Duration.ZERO);
    ahead.restart(metadata, progress.positions().getOrDefault(topics.verdicts(), 0L));
    updates = new UpdateIntake(run, partition, weights, verdicts, ahead, log, publisher);
    updates.restore(metadata);
    policy =
        new OrderPolicy(
            run.spec(),
            bytes.isPresent() ? metadata.getOrdered() : OrderPolicy.NONE,
            RoundKind.of(metadata.getOrderedScalarized()),
            metadata.getOrderedNonce(),
            context.currentSystemTimeMs());
    orders =
        new OrderIssuer(
            run,
            policy,
            sinks,
            context::currentSystemTimeMs,
            () -> OrderGaps.of(run),
            round -> LostRound.advice(run, log, round));
    resumed = false;
    repeated = false;
    resumption =
        context.schedule(
            RESUME_DELAY, PunctuationType.WALL_CLOCK_TIME, now -> store.change(this::resume));
  }

  /** A forked run goes on from its origin's store as after a restart. */
  private Optional<byte[]> forkState() {
    final Optional<StoreImage> image = InitialState.of(run, log, partition, Owner.SERVER);
    image.ifPresent(store::begin);
    return image.map(of -> of.metadata().toByteArray());
  }

  private static ServerMetadata parseMetadata(byte[] bytes) {
    try {
      return ServerMetadata.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the store's metadata are not those of a server", e);
    }
  }

  private ServerMetadata metadata() {
    final var metadata =
        ServerMetadata.newBuilder()
            .putAllPositions(progress.positions())
            .setOrdered(policy.ordered())
            .setOrderedScalarized(policy.kind() == RoundKind.SUM)
            .setOrderedNonce(policy.nonce());
    weights.save(metadata);
    verdicts.save(metadata);
    updates.save(metadata);
    return metadata.build();
  }

  /**
   * Reads the records that were missed. This cannot be done in {@link #init}, where nothing can be
   * forwarded yet.
   */
  private void resume() {
    if (resumed) {
      return;
    }
    resumed = true;
    resumption.cancel();
    publisher.resume();
    catchUp(topics.verdicts());
    catchUp(topics.updates());
    LOG.info(
        "the parameter server goes on with partition {} of run {} from weights version {}",
        partition,
        topics.run(),
        weights.version());
  }

  private void catchUp(String topic) {
    progress.catchUp(
        new TopicPartition(topic, partition), (offset, value) -> take(topic, offset, value));
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
    try {
      if (value == null) {
        throw new MalformedRecordException("an empty record");
      } else if (topic.equals(topics.updates())) {
        takeUpdate(offset, value, again);
      } else if (topic.equals(topics.verdicts())) {
        takeVerdict(offset, value, again);
      } else if (!again && partition == 0) {
        takeMetric(value);
      }
    } catch (MalformedRecordException e) {
      if (!again) {
        final String reason = String.valueOf(e.getMessage());
        sinks.refuse(new TopicPartition(topic, partition), offset, value, reason);
      }
    }
    if (!again) {
      progress.tookIn(topic, offset);
    }
  }

  private void takeUpdate(long offset, byte[] value, boolean again)
      throws MalformedRecordException {
    final boolean wasWhole = weights.version() >= 0;
    final boolean initial = updates.take(offset, value);
    if (!initial || partition != 0 || weights.version() < 0) {
      return;
    }
    if (!wasWhole) {
      orders.orderFirstRound();
    } else if (again && !repeated) {
      repeated = true;
      orders.repeatLastOrders();
    }
  }

  private void takeVerdict(long offset, byte[] value, boolean again)
      throws MalformedRecordException {
    final Verdict verdict;
    try {
      verdict = Verdict.parseFrom(value);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedRecordException("not a verdict");
    }
    final VerdictChain.Link link = verdicts.take(verdict);
    if (link == VerdictChain.Link.NEXT) {
      ahead.tookIn(verdict, offset);
      updates.applyHeld();
    }
    if (partition == 0) {
      orders.orderNextRound(verdict, link, again);
    }
  }

  private void takeMetric(byte[] value) throws MalformedRecordException {
    try {
      orders.handle(Metric.parseFrom(value));
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedRecordException("not a metric");
    }
  }

  @Override
  public void close() {
    log.close();
  }
}
