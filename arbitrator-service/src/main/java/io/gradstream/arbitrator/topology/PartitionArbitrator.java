package io.gradstream.arbitrator.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.gradstream.arbitrator.round.Admission;
import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.message.ArbitratorNote;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.state.InPlaceStore;
import io.gradstream.proto.tensor.Kernels;
import io.gradstream.proto.topic.HeldRecords;
import io.gradstream.proto.topic.LogReader;
import io.gradstream.proto.topic.Topics;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
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
 * <p>Reads {@code gradients.<task>} of all tasks and {@code verdicts}, its own partition of each. A
 * gradient is added when its turn comes and held till then; the last one of the round sends the
 * partition's statistics on their way; the round's verdict turns the sums into updates.
 *
 * <p><b>Restarts.</b> The store's note says how far each topic was read. Records before that are
 * skipped, and should the committed offsets be further on (an instance that was taken for dead may
 * have written the newest commit), the records between are read from the log first. What was
 * published since the last commit is published again with the same bits, and readers skip what they
 * have: an open round's statistics when the service comes back, the last round's updates when its
 * verdict is read again or the round after it stands still.
 *
 * <p>One instance per task of Kafka Streams, on that task's thread.
 */
final class PartitionArbitrator implements Processor<byte[], byte[], byte[], byte[]> {
  static final String STORE = "sums";
  private static final Logger LOG = LoggerFactory.getLogger(PartitionArbitrator.class);
  private static final Duration LOOK = Duration.ofMillis(500);

  /** When a slot's gradient of a shard is to be added. */
  private record Turn(long round, int shard, int task, int slot) {
    static final Comparator<Turn> ORDER =
        Comparator.comparingLong(Turn::round)
            .thenComparingInt(Turn::shard)
            .thenComparingInt(Turn::task)
            .thenComparingInt(Turn::slot);
  }

  private final Run run;
  private final Topics topics;
  private final Kernels kernels;
  private final SlotGradient.Rules rules;
  private final Admission admission;
  private final TreeMap<Long, Verdict> pending = new TreeMap<>();
  private final TreeMap<String, Long> positions = new TreeMap<>();
  private final LogReader log;
  private HeldRecords<Turn> held;
  private ProcessorContext<byte[], byte[]> context;
  private PartitionRound round;
  private Sensor ignored;
  private int partition;
  private @Nullable Verdict last;
  private boolean resumed;
  private long begun;
  private long movedMs;
  private long reportedMs;

  @SuppressWarnings("NullAway.Init") // Kafka Streams calls init before anything else
  PartitionArbitrator(Run run, Kernels kernels) {
    this.run = run;
    this.topics = run.topics();
    this.kernels = kernels;
    this.rules = new SlotGradient.Rules(run.manifest(), run.slots(), run.spec().rounds(), kernels);
    this.admission = new Admission(run.spec().maxNormRatio());
    this.log = new LogReader(run.connection(), topics.arbitratorApplication());
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> processorContext) {
    context = processorContext;
    partition = context.taskId().partition();
    // After a fault Kafka Streams initialises the same processor again, from the last commit.
    held = new HeldRecords<>(Turn.ORDER, log, run.spec().transport().heldMaxBytes());
    pending.clear();
    positions.clear();
    last = null;
    begun = 0;
    final InPlaceStore store = context.getStateStore(STORE);
    round = new PartitionRound(run.spec(), run.manifest(), partition, kernels, store);
    final Optional<byte[]> note = store.recover(() -> note().toByteArray());
    note.ifPresent(this::restore);
    moved();
    resumed = false;
    ignored =
        context
            .metrics()
            .addRateTotalSensor(
                "gradients", context.taskId().toString(), "ignored", Sensor.RecordingLevel.INFO);
    context.schedule(LOOK, PunctuationType.WALL_CLOCK_TIME, this::look);
  }

  /** Reads what is missing; not in {@link #init}, where nothing can be forwarded yet. */
  private void resume() {
    if (resumed) {
      return;
    }
    resumed = true;
    readUpToCommitted();
    advance();
    LOG.info("partition {} of {} goes on in round {}", partition, topics.run(), round.round());
  }

  private ArbitratorNote note() {
    final var note = ArbitratorNote.newBuilder().putAllPositions(positions);
    round.save(note);
    held.forEach(
        (turn, offset) ->
            note.addHeldBuilder()
                .setRound(turn.round())
                .setShard(turn.shard())
                .setTask(turn.task())
                .setSlot(turn.slot())
                .setOffset(offset));
    note.addAllPending(pending.values());
    if (last != null) {
      note.setLast(last);
    }
    return note.build();
  }

  private void restore(byte[] bytes) {
    final ArbitratorNote note;
    try {
      note = ArbitratorNote.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the store's note is no note of an arbitrator", e);
    }
    round.restore(note);
    for (final var place : note.getHeldList()) {
      held.hold(
          new Turn(place.getRound(), place.getShard(), place.getTask(), place.getSlot()),
          gradients(place.getTask()),
          place.getOffset());
    }
    note.getPendingList().forEach(verdict -> pending.put(verdict.getRound(), verdict));
    positions.putAll(note.getPositionsMap());
    last = note.hasLast() ? note.getLast() : null;
  }

  private TopicPartition gradients(int task) {
    return new TopicPartition(topics.gradients(task), partition);
  }

  /** Normally finds nothing to do: a commit's note and its offsets agree. */
  private void readUpToCommitted() {
    for (int task = 0; task < run.orderedTasks(); task++) {
      final int ofTask = task;
      catchUp(gradients(task), (offset, value) -> gradient(ofTask, offset, value));
    }
    catchUp(new TopicPartition(topics.verdicts(), partition), this::verdict);
  }

  private interface Handler {
    void accept(long offset, byte[] value);
  }

  private void catchUp(TopicPartition from, Handler handler) {
    final long position = positions.getOrDefault(from.topic(), 0L);
    final long committed = log.committed(from);
    if (committed > position) {
      LOG.info("reading {} again from {} to {}", from, position, committed);
      log.read(
          from, position, committed, record -> handler.accept(record.offset(), record.value()));
      positions.put(from.topic(), committed);
    }
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    resume();
    final RecordMetadata source =
        context.recordMetadata().orElseThrow(() -> new IllegalStateException("no source"));
    if (source.offset() < positions.getOrDefault(source.topic(), 0L)) {
      repeatIfLast(source, record.value());
      return;
    }
    final int task = topics.taskOfGradients(source.topic());
    if (task >= 0) {
      gradient(task, source.offset(), record.value());
    } else {
      verdict(source.offset(), record.value());
    }
    positions.put(source.topic(), source.offset() + 1);
  }

  private void gradient(int task, long offset, byte @Nullable [] value) {
    final TopicPartition from = gradients(task);
    if (value == null) {
      refuse(from, offset, value, "an empty record");
      return;
    }
    final SlotGradient gradient;
    try {
      gradient = SlotGradient.read(value, task, partition, rules);
    } catch (MalformedRecordException e) {
      refuse(from, offset, value, String.valueOf(e.getMessage()));
      return;
    }
    final int slot = gradient.report().getSlot();
    switch (round.turnOf(gradient.round(), gradient.shard(), task, slot)) {
      case NOW -> {
        if (add(gradient, from, offset, value)) {
          addHeld(gradient.shard(), task, slot + 1);
          advance();
        }
      }
      case EARLY -> {
        if (hasBegun(gradient.round())) {
          held.hold(new Turn(gradient.round(), gradient.shard(), task, slot), from, offset, value);
        } else {
          refuse(from, offset, value, "round " + gradient.round() + ", which has not begun");
        }
      }
      case CONTAINED, CLOSED, UNASKED -> ignored.record();
    }
  }

  /**
   * Whether the round's orders can be out. Only a partition that reads its log again finds
   * gradients of rounds that are not open yet, and then their verdicts are on the log as well;
   * elsewhere they are somebody's invention. What slips through is found out by its ticket.
   */
  private boolean hasBegun(long gradientRound) {
    if (gradientRound > begun) {
      final long judged =
          log.last(new TopicPartition(topics.verdicts(), partition))
              .map(record -> parseVerdict(record.offset(), record.value()))
              .map(Verdict::getRound)
              .orElse(-1L);
      begun = Math.max(round.round(), judged + 1);
    }
    return gradientRound <= begun;
  }

  /** Adds a gradient whose turn has come, unless the verdict before speaks against it. */
  private boolean add(SlotGradient gradient, TopicPartition from, long offset, byte[] value) {
    try {
      admission.check(gradient, last);
    } catch (MalformedRecordException e) {
      refuse(from, offset, value, String.valueOf(e.getMessage()));
      return false;
    }
    round.add(
        gradient.shard(),
        gradient.report(),
        gradient.values(),
        gradient.type(),
        gradient.squaredNorm());
    moved();
    return true;
  }

  /**
   * Adds what was held for the turns from {@code slot} on. What came before its round was known to
   * take gradients of another kind is let go.
   */
  private void addHeld(int shard, int task, int slot) {
    for (int next = slot; next < run.slots(); next++) {
      final HeldRecords.Taken taken = held.take(new Turn(round.round(), shard, task, next));
      if (taken == null
          || round.turnOf(round.round(), shard, task, next) != PartitionRound.Turn.NOW) {
        return;
      }
      try {
        final SlotGradient gradient = SlotGradient.read(taken.record(), task, partition, rules);
        if (!add(gradient, gradients(task), taken.offset(), taken.record())) {
          return;
        }
      } catch (MalformedRecordException e) {
        throw new IllegalStateException("a held record was found fit before", e);
      }
    }
  }

  /**
   * Goes as far as what is here allows: statistics when the round is complete, updates when judged.
   */
  private void advance() {
    if (round.complete() && !round.shards().isEmpty()) {
      publishStatistics();
    }
    closeRounds();
  }

  private void closeRounds() {
    Verdict verdict = pending.get(round.round());
    while (verdict != null && round.complete()) {
      pending.remove(round.round());
      round.close(
          verdict, (shard, update) -> forward(Keys.shard(shard.index()), update, Sinks.UPDATES));
      last = verdict;
      moved();
      for (final var shard : round.shards()) {
        for (int task = 0; task < run.orderedTasks(); task++) {
          addHeld(shard.index(), task, 0);
        }
      }
      if (round.complete() && !round.shards().isEmpty()) {
        publishStatistics();
      }
      verdict = pending.get(round.round());
    }
  }

  private void publishStatistics() {
    for (final var statistics : round.statistics()) {
      forward(Keys.round(round.round()), statistics.toByteArray(), Sinks.STATISTICS);
    }
  }

  private void verdict(long offset, byte @Nullable [] value) {
    final Verdict verdict = parseVerdict(offset, value);
    if (verdict == null || verdict.getRound() < round.round()) {
      return;
    }
    pending.putIfAbsent(verdict.getRound(), verdict);
    closeRounds();
  }

  /** The verdict of the last closed round, read again, may mean that its updates were lost. */
  private void repeatIfLast(RecordMetadata source, byte @Nullable [] value) {
    if (last != null && source.topic().equals(topics.verdicts())) {
      final Verdict verdict = parseVerdict(source.offset(), value);
      if (verdict != null && verdict.getRound() == last.getRound()) {
        repeat(last);
      }
    }
  }

  private void repeat(Verdict verdict) {
    round.repeat(
        verdict, (shard, update) -> forward(Keys.shard(shard.index()), update, Sinks.UPDATES));
  }

  private @Nullable Verdict parseVerdict(long offset, byte @Nullable [] value) {
    final var from = new TopicPartition(topics.verdicts(), partition);
    try {
      final Verdict verdict = Verdict.parseFrom(value == null ? new byte[0] : value);
      if (verdict.getManifest() == run.manifest().hash()) {
        return verdict;
      }
      refuse(from, offset, value, "a verdict of another manifest");
    } catch (InvalidProtocolBufferException e) {
      refuse(from, offset, value, "not a verdict");
    }
    return null;
  }

  private void refuse(TopicPartition from, long offset, byte @Nullable [] value, String reason) {
    LOG.warn("refused {} at offset {}: {}", from, offset, reason);
    final DeadLetter letter = DeadLetters.ofGradient(from, offset, reason, value);
    forward(DeadLetters.key(from), letter, Sinks.REFUSED_RECORDS);
    askAgain(letter, topics.taskOfGradients(from.topic()));
  }

  /**
   * What the open round lacks and was refused is asked for again, should it have said what it is.
   */
  private void askAgain(DeadLetter letter, int task) {
    final var slot = new PartitionRound.MissingSlot(task, letter.getSlot());
    if (letter.getRound() == round.round() && round.missing().contains(slot)) {
      final var refused =
          Metric.Refused.newBuilder()
              .setRound(letter.getRound())
              .setTask(task)
              .setSlot(letter.getSlot());
      forwardMetric("refused", Metric.newBuilder().setRefused(refused));
    }
  }

  /** Says what a round that stands still waits for, and repeats what might have been lost. */
  private void look(long now) {
    resume();
    final long timeout = run.spec().orders().timeoutMs();
    if (round.shards().isEmpty()
        || round.round() >= run.spec().rounds()
        || now - movedMs < timeout
        || now - reportedMs < timeout) {
      return;
    }
    reportedMs = now;
    final var waiting =
        Metric.Waiting.newBuilder()
            .setRound(round.round())
            .setPartition(partition)
            .setWaitedMs(now - movedMs);
    for (final var slot : round.missing()) {
      waiting.addSlotsBuilder().setTask(slot.task()).setSlot(slot.slot());
    }
    LOG.warn(
        "round {} stands still for {} s, partition {} waits for {}",
        round.round(),
        (now - movedMs) / 1000,
        partition,
        round.complete() ? "its verdict" : describe(round.missing()));
    forwardMetric("waiting", Metric.newBuilder().setWaiting(waiting));
    if (round.complete()) {
      publishStatistics();
    } else if (last != null) {
      repeat(last);
    }
  }

  /** Such as {@code l1 [0, 2], ssim [2]}. */
  private String describe(List<PartitionRound.MissingSlot> missing) {
    return missing.stream()
        .collect(
            Collectors.groupingBy(
                slot -> topics.nameOf(slot.task()),
                TreeMap::new,
                Collectors.mapping(PartitionRound.MissingSlot::slot, Collectors.toList())))
        .entrySet()
        .stream()
        .map(task -> task.getKey() + " " + task.getValue())
        .collect(Collectors.joining(", "));
  }

  private void forwardMetric(String name, Metric.Builder metric) {
    metric.setName(name).setTimeMs(context.currentSystemTimeMs());
    forward(name.getBytes(StandardCharsets.UTF_8), metric.build(), Sinks.METRICS);
  }

  private void moved() {
    movedMs = context.currentSystemTimeMs();
  }

  private void forward(byte[] key, MessageLite value, String sink) {
    forward(key, value.toByteArray(), sink);
  }

  private void forward(byte[] key, byte[] value, String sink) {
    context.forward(new Record<>(key, value, context.currentSystemTimeMs()), sink);
  }

  @Override
  public void close() {
    log.close();
    context.metrics().removeSensor(ignored);
  }
}
