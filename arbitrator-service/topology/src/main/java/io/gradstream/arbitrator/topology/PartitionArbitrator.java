package io.gradstream.arbitrator.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ArbitratorMetadata;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.StateRecord.Owner;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.InitialState;
import io.gradstream.proto.run.LostRound;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.StoreImage;
import io.gradstream.proto.run.VerdictsAhead;
import io.gradstream.proto.streams.InPlaceStore;
import io.gradstream.proto.streams.InputPositions;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.TopicKind.Writer;
import io.gradstream.proto.topic.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Arbitrates one partition: gradients and verdicts in, statistics and updates out.
 *
 * <p>Reads {@code gradients.<task>} of all tasks and {@code verdicts}, its own partition of each.
 * When the last gradient of a round is in, the partition publishes its statistics; the round's
 * verdict turns the sums into updates.
 *
 * <p><b>Restarts.</b> The store's metadata says how far each topic was read, see {@link
 * InputPositions}. What was published since the last commit is published again with the same bits,
 * and readers skip what they have: the statistics of an open round when the service comes back, and
 * the updates of the last round when its verdict is read again or when the next round stands still.
 * The first start of a forked run goes on from its origin's store, as after a restart, see {@link
 * InitialState}.
 *
 * <p>One instance per task of Kafka Streams, on that task's thread.
 */
final class PartitionArbitrator implements Processor<byte[], byte[], byte[], byte[]> {
  static final String NAME = "partition";
  static final String STORE = "sums";
  private static final Logger LOG = LoggerFactory.getLogger(PartitionArbitrator.class);
  private static final Duration PROGRESS_CHECK_INTERVAL = Duration.ofMillis(500);

  /** How often the log is asked whether a round has begun of which somebody sends gradients. */
  private static final Duration VERDICTS_PAUSE = Duration.ofMillis(200);

  private final Run run;
  private final Topics topics;
  private final Kernels kernels;
  private final LogReader log;
  private final InputPositions progress;
  private final VerdictChain chain;
  private final TreeMap<Long, Verdict> pendingVerdicts = new TreeMap<>();
  private ProcessorContext<byte[], byte[]> context;
  private InPlaceStore store;
  private PartitionRound round;
  private VerdictsAhead ahead;
  private GradientIntake intake;
  private StandstillMonitor standstill;
  private TopicSinks sinks;
  private Sensor ignored;
  private int partition;
  private @Nullable Verdict last;
  private boolean resumed;

  @SuppressWarnings("NullAway.Init") // Kafka Streams calls init before anything else
  PartitionArbitrator(Run run, Kernels kernels, LogReader log) {
    this.run = run;
    this.topics = run.topics();
    this.kernels = kernels;
    this.log = log;
    this.progress = new InputPositions(log);
    this.chain = new VerdictChain(run.description());
  }

  /** After a fault Kafka Streams initialises the same processor again, from the last commit. */
  @Override
  public void init(ProcessorContext<byte[], byte[]> processorContext) {
    context = processorContext;
    partition = context.taskId().partition();
    sinks = new TopicSinks(topics, Writer.ARBITRATOR, NAME, context);
    ignored =
        context
            .metrics()
            .addRateTotalSensor(
                "gradients", context.taskId().toString(), "ignored", Sensor.RecordingLevel.INFO);
    store = context.getStateStore(STORE);
    round = new PartitionRound(run.spec(), run.manifest(), partition, kernels, store);
    ahead = new VerdictsAhead(run.description(), log, verdicts(), VERDICTS_PAUSE);
    intake = new GradientIntake(run, partition, kernels, round, ahead, log, sinks, ignored);
    standstill = new StandstillMonitor(topics, partition, run.spec().orders().timeoutMs());
    pendingVerdicts.clear();
    last = null;
    chain.restore(List.of());
    progress.restore(Map.of());
    store.recover(log, () -> metadata().toByteArray()).or(this::forkState).ifPresent(this::restore);
    noteProgress();
    resumed = false;
    context.schedule(
        PROGRESS_CHECK_INTERVAL,
        PunctuationType.WALL_CLOCK_TIME,
        now -> store.change(() -> checkProgress(now)));
  }

  private ArbitratorMetadata metadata() {
    final var metadata = ArbitratorMetadata.newBuilder().putAllPositions(progress.positions());
    round.save(metadata);
    intake.save(metadata);
    metadata.addAllPending(pendingVerdicts.values());
    if (last != null) {
      metadata.setLast(last);
    }
    return metadata.build();
  }

  private Optional<byte[]> forkState() {
    final Optional<StoreImage> image = InitialState.of(run, log, partition, Owner.ARBITRATOR);
    image.ifPresent(store::begin);
    return image.map(of -> of.metadata().toByteArray());
  }

  private void restore(byte[] bytes) {
    final ArbitratorMetadata metadata;
    try {
      metadata = ArbitratorMetadata.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the store's metadata are not those of an arbitrator", e);
    }
    progress.restore(metadata.getPositionsMap());
    round.restore(metadata);
    intake.restore(metadata);
    metadata.getPendingList().forEach(verdict -> pendingVerdicts.put(verdict.getRound(), verdict));
    last = metadata.hasLast() ? metadata.getLast() : null;
    final List<Verdict> takenIn =
        Stream.concat(Stream.ofNullable(last), pendingVerdicts.values().stream()).toList();
    chain.restore(takenIn);
    ahead.restart(takenIn, progress.positions().getOrDefault(topics.verdicts(), 0L));
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
    for (int task = 0; task < run.orderedTasks(); task++) {
      final int ofTask = task;
      progress.catchUp(
          new TopicPartition(topics.gradients(task), partition),
          (offset, value) -> gradient(ofTask, offset, value));
    }
    progress.catchUp(verdicts(), this::verdict);
    advance();
    round.divergence().ifPresent(this::publish);
    LOG.info(
        "the arbitrator goes on with partition {} of run {} in round {}",
        partition,
        topics.run(),
        round.round());
  }

  private TopicPartition verdicts() {
    return new TopicPartition(topics.verdicts(), partition);
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    store.change(() -> take(record));
  }

  private void take(Record<byte[], byte[]> record) {
    resume();
    final RecordMetadata source =
        context.recordMetadata().orElseThrow(() -> new IllegalStateException("no source"));
    final int task = topics.taskOfGradients(source.topic());
    if (progress.contains(source.topic(), source.offset())) {
      if (task < 0) {
        repeatLostUpdates(record.value());
      }
      return;
    }
    if (task >= 0) {
      gradient(task, source.offset(), record.value());
    } else {
      verdict(source.offset(), record.value());
    }
    progress.tookIn(source.topic(), source.offset());
  }

  private void gradient(int task, long offset, byte @Nullable [] value) {
    if (intake.take(task, offset, value)) {
      noteProgress();
      advance();
    }
  }

  private void verdict(long offset, byte @Nullable [] value) {
    try {
      final Verdict verdict = VerdictParser.parse(value, run);
      if (verdict.getRound() > chain.lastRound()) {
        chain.take(verdict);
        pendingVerdicts.put(verdict.getRound(), verdict);
        ahead.tookIn(verdict, offset);
        closeRounds();
      }
    } catch (MalformedRecordException e) {
      sinks.refuse(verdicts(), offset, value, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Publishes the statistics of a complete round, and the updates of rounds that have a verdict.
   */
  private void advance() {
    publishStatistics();
    closeRounds();
  }

  private void closeRounds() {
    Verdict verdict = pendingVerdicts.get(round.round());
    while (verdict != null && round.isClosedBy(verdict)) {
      pendingVerdicts.remove(round.round());
      round.close(verdict, this::publishUpdate);
      last = verdict;
      chain.forgetBefore(verdict.getRound());
      ahead.forgetBefore(verdict.getRound());
      noteProgress();
      intake.open(verdict);
      publishStatistics();
      verdict = pendingVerdicts.get(round.round());
    }
  }

  private void publishUpdate(Shard shard, byte[] update) {
    sinks.send(TopicKind.UPDATES, Keys.shard(shard.index()), update);
  }

  private void publish(ShardStatistics statistics) {
    sinks.send(TopicKind.STATISTICS, Keys.round(statistics.getRound()), statistics);
  }

  private void publishStatistics() {
    if (round.complete() && !round.shards().isEmpty()) {
      round.statistics().forEach(this::publish);
    }
  }

  /**
   * Publishes the updates of the last closed round again when its verdict is read again, since they
   * may have been lost.
   */
  private void repeatLostUpdates(byte @Nullable [] value) {
    final Verdict verdict = VerdictParser.parseIfValid(value, run).orElse(null);
    if (last != null && verdict != null && verdict.getRound() == last.getRound()) {
      round.repeat(last, this::publishUpdate);
    }
  }

  /**
   * Reports what a round that stands still waits for, and publishes again what may have been lost.
   */
  private void checkProgress(long now) {
    resume();
    if (intake.lookForFirstSlot()) {
      noteProgress();
      advance();
    }
    if (round.shards().isEmpty()
        || round.round() >= run.spec().rounds()
        || !standstill.isDue(now)) {
      return;
    }
    standstill.report(round, sinks, now);
    round.standsStill();
    if (round.complete()) {
      publishStatistics();
    } else {
      round.divergence().ifPresent(this::publish);
      if (last != null) {
        round.repeat(last, this::publishUpdate);
      }
      lookForLostRecords();
    }
  }

  /** A broker may have lost what the round waits for, or what comes in its place is not seen. */
  private void lookForLostRecords() {
    for (int task = 0; task < run.orderedTasks(); task++) {
      progress.truncate(new TopicPartition(topics.gradients(task), partition));
    }
    progress.truncate(verdicts());
    if (pendingVerdicts.containsKey(round.round())) {
      LostRound.advice(run, log, round.round()).ifPresent(LOG::error);
    }
  }

  private void noteProgress() {
    standstill.progressed(context.currentSystemTimeMs());
  }

  @Override
  public void close() {
    log.close();
    context.metrics().removeSensor(ignored);
  }
}
