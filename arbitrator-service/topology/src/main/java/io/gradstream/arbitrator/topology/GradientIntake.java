package io.gradstream.arbitrator.topology;

import io.gradstream.arbitrator.round.AdmissionPolicy;
import io.gradstream.arbitrator.round.DivergedException;
import io.gradstream.arbitrator.round.ForeignArithmeticException;
import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ArbitratorMetadata;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.VerdictsAhead;
import io.gradstream.proto.spec.ArithmeticPolicy;
import io.gradstream.proto.spec.TaskSlots;
import io.gradstream.proto.streams.HeldRecords;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.Topics;
import java.util.Comparator;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.Sensor;
import org.jspecify.annotations.Nullable;

/**
 * Takes in a partition's gradients. Each one is added to the round at its turn, held until then,
 * ignored (the sums contain it, or the round did not order it), or refused.
 *
 * <p>Which of these happens follows from the log alone, so gradients that are read again after a
 * restart end up in the same sums. One owner, one thread.
 */
final class GradientIntake {
  /**
   * The turn of a slot's gradient of a shard. Keys have the order of a task's log, where a worker
   * sends a slot shard by shard, so that held records that are read again lie side by side.
   */
  private record GradientKey(long round, int task, int slot, int shard) {
    static final Comparator<GradientKey> ORDER =
        Comparator.comparingLong(GradientKey::round)
            .thenComparingInt(GradientKey::task)
            .thenComparingInt(GradientKey::slot)
            .thenComparingInt(GradientKey::shard);
  }

  /**
   * How many records are held for one slot of a shard: a worker's own, its repetitions, and some
   * that a stranger sent.
   */
  private static final int MAX_COPIES = 8;

  private final Run run;
  private final TaskSlots slots;
  private final Topics topics;
  private final PartitionRound round;
  private final int partition;
  private final VerdictsAhead verdicts;
  private final LogReader log;
  private final TopicSinks sinks;
  private final Sensor ignored;
  private final SlotGradient.Rules rules;
  private final AdmissionPolicy admission;
  private final HeldRecords<GradientKey> held;
  private final TreeMap<GradientKey, Integer> copies = new TreeMap<>(GradientKey.ORDER);
  private final Contradictions contradictions;
  private @Nullable Verdict previousVerdict;
  private @Nullable FirstSlot firstSlot;

  /** Of the open round, where its first slot decides which arithmetic the run takes. */
  private long decided = ArithmeticPolicy.NONE;

  /**
   * @param round takes what is added
   * @param verdicts those that are on the log, which tell what rounds have begun
   * @param log reads again the held records that memory had no room for
   * @param ignored counts gradients that the sums contain already or that the round did not order
   */
  GradientIntake(
      Run run,
      int partition,
      Kernels kernels,
      PartitionRound round,
      VerdictsAhead verdicts,
      LogReader log,
      TopicSinks sinks,
      Sensor ignored) {
    this.run = run;
    this.slots = run.slots();
    this.topics = run.topics();
    this.partition = partition;
    this.round = round;
    this.verdicts = verdicts;
    this.log = log;
    this.sinks = sinks;
    this.ignored = ignored;
    this.rules = SlotGradient.Rules.of(run.description(), kernels);
    this.admission = new AdmissionPolicy(run.description());
    this.contradictions = new Contradictions(run, admission, sinks);
    this.held = new HeldRecords<>(GradientKey.ORDER, log, run.spec().transport().heldMaxBytes());
  }

  void save(ArbitratorMetadata.Builder metadata) {
    held.forEach(
        (key, offset) ->
            metadata
                .addHeldBuilder()
                .setRound(key.round())
                .setShard(key.shard())
                .setTask(key.task())
                .setSlot(key.slot())
                .setOffset(offset));
  }

  void restore(ArbitratorMetadata metadata) {
    for (final var heldRecord : metadata.getHeldList()) {
      final var key =
          new GradientKey(
              heldRecord.getRound(),
              heldRecord.getTask(),
              heldRecord.getSlot(),
              heldRecord.getShard());
      copies.merge(key, 1, Integer::sum);
      held.hold(key, gradients(heldRecord.getTask()), heldRecord.getOffset());
    }
    previousVerdict = metadata.hasLast() ? metadata.getLast() : null;
    contradictions.open(round.round(), previousVerdict);
    decided =
        admission.decidesArithmetic(previousVerdict) ? round.arithmetic() : ArithmeticPolicy.NONE;
  }

  private TopicPartition gradients(int task) {
    return new TopicPartition(topics.gradients(task), partition);
  }

  /** Takes in a record of a task's topic, and returns whether it was added. */
  boolean take(int task, long offset, byte @Nullable [] value) {
    final SlotGradient gradient;
    try {
      if (value == null) {
        throw new MalformedRecordException("an empty record");
      }
      gradient = SlotGradient.read(value, task, partition, rules);
    } catch (DivergedException e) {
      diverged(e, task, offset, value);
      return false;
    } catch (MalformedRecordException e) {
      refuse(task, offset, value, e);
      return false;
    }
    final int slot = gradient.report().getSlot();
    switch (round.statusOf(gradient.round(), gradient.shard(), task, slot)) {
      case NEXT -> {
        if (waitsForFirstSlot(gradient)) {
          if (admit(gradient, task, offset, value)) {
            hold(new GradientKey(gradient.round(), task, slot, gradient.shard()), offset, value);
          }
        } else if (add(gradient, task, offset, value)) {
          if (decides(gradient)) {
            decided = gradient.report().getFingerprint();
            addHeld();
          } else {
            addHeld(gradient.shard(), task, slot + 1);
          }
          return true;
        }
      }
      case EARLY -> {
        final boolean fit =
            gradient.round() == round.round()
                ? admit(gradient, task, offset, value)
                : answersOrder(gradient, task, offset, value);
        if (fit) {
          hold(new GradientKey(gradient.round(), task, slot, gradient.shard()), offset, value);
        }
      }
      case CONTAINED, CLOSED -> passOver(gradient, task, offset, value);
      case NOT_ORDERED -> ignored.record();
    }
    return false;
  }

  /** Ignores a gradient of a slot that another one counted for, unless the two contradict. */
  private void passOver(SlotGradient gradient, int task, long offset, byte[] value) {
    if (!contradictions.note(gradient, gradients(task), offset, value, decided)) {
      ignored.record();
    }
  }

  /** Whether the open round does not know yet which arithmetic it takes, and this tells it not. */
  private boolean waitsForFirstSlot(SlotGradient gradient) {
    return isUndecided() && !admission.isFirst(gradient);
  }

  private boolean decides(SlotGradient gradient) {
    return isUndecided() && admission.isFirst(gradient);
  }

  private boolean isUndecided() {
    return decided == ArithmeticPolicy.NONE && admission.decidesArithmetic(previousVerdict);
  }

  /**
   * Looks for the first slot on the partition where it lies, if the open round waits for it and
   * that is another one, and tells whether something was added.
   */
  boolean lookForFirstSlot() {
    if (!isUndecided() || partition == admission.firstPartition() || round.shards().isEmpty()) {
      return false;
    }
    if (firstSlot == null) {
      firstSlot = new FirstSlot(run, round.kind(), rules, admission, log);
    }
    decided = firstSlot.find(round.round(), previousVerdict);
    return decided != ArithmeticPolicy.NONE && addHeld();
  }

  /**
   * Holds an early record until its turn. At most {@link #MAX_COPIES} records of one turn are held,
   * and later ones are ignored. If none of the held records fits, the slot is ordered again.
   */
  private void hold(GradientKey key, long offset, byte[] value) {
    if (copies.merge(key, 1, Integer::sum) <= MAX_COPIES) {
      held.hold(key, gradients(key.task()), offset, value);
    } else {
      ignored.record();
    }
  }

  /**
   * Whether a gradient of a later round answers an order that has gone out; if not, it is refused.
   *
   * <p>A partition that reads its log again finds gradients of rounds after the open one, and then
   * the verdicts before these rounds are on the log as well. All others are forged. So what is held
   * is of rounds that have begun, and from somebody who has seen an order of them. A slot that is
   * refused while the log is not looked at is ordered again.
   */
  private boolean answersOrder(SlotGradient gradient, int task, long offset, byte[] value) {
    final OptionalLong nonce = verdicts.nonce(gradient.round() - 1);
    try {
      if (nonce.isEmpty()) {
        throw new MalformedRecordException("round " + gradient.round() + ", which has not begun");
      }
      AdmissionPolicy.requireNonce(gradient.nonce(), gradient.round(), nonce.getAsLong());
      return true;
    } catch (MalformedRecordException e) {
      refuse(task, offset, value, e);
      return false;
    }
  }

  /** Adds a gradient whose turn has come, unless it is not admitted after the previous verdict. */
  private boolean add(SlotGradient gradient, int task, long offset, byte[] value) {
    final boolean admitted = admit(gradient, task, offset, value);
    if (admitted) {
      round.add(gradient, offset);
      contradictions.count(gradient);
    }
    return admitted;
  }

  /**
   * Whether a gradient of the open round is admitted after the previous verdict; if not, it is
   * refused.
   */
  private boolean admit(SlotGradient gradient, int task, long offset, byte[] value) {
    try {
      admission.check(gradient, previousVerdict, decided);
      return true;
    } catch (MalformedRecordException e) {
      refuse(task, offset, value, e);
      return false;
    }
  }

  /**
   * Adds the held gradients of the slots from {@code slot} on, as far as they follow each other.
   */
  private void addHeld(int shard, int task, int slot) {
    int next = slot;
    while (next < slots.of(task) && addHeld(new GradientKey(round.round(), task, next, shard))) {
      next++;
    }
  }

  /**
   * Adds the first of a turn's held records that may be added, and returns whether there was one.
   */
  private boolean addHeld(GradientKey key) {
    final int task = key.task();
    if (round.statusOf(key.round(), key.shard(), task, key.slot())
        != PartitionRound.SlotStatus.NEXT) {
      return false;
    }
    for (var taken = held.take(key); taken != null; taken = held.take(key)) {
      try {
        final SlotGradient gradient = SlotGradient.read(taken.record(), task, partition, rules);
        if (add(gradient, task, taken.offset(), taken.record())) {
          passOverHeld(key);
          return true;
        }
      } catch (MalformedRecordException e) {
        throw new IllegalStateException("a held record passed the same checks before", e);
      }
    }
    return false;
  }

  /** Passes over what else was held for a turn. */
  private void passOverHeld(GradientKey key) {
    final int task = key.task();
    for (var taken = held.take(key); taken != null; taken = held.take(key)) {
      try {
        passOver(
            SlotGradient.read(taken.record(), task, partition, rules),
            task,
            taken.offset(),
            taken.record());
      } catch (MalformedRecordException e) {
        throw new IllegalStateException("a held record passed the same checks before", e);
      }
    }
  }

  /**
   * Adds the gradients that were held for a round that has just opened, and drops those of earlier
   * rounds.
   *
   * @param verdict of the round before
   */
  void open(Verdict verdict) {
    previousVerdict = verdict;
    contradictions.open(round.round(), verdict);
    decided = ArithmeticPolicy.NONE;
    final var first = new GradientKey(round.round(), 0, 0, 0);
    held.dropBefore(first);
    copies.headMap(first).clear();
    addHeld();
  }

  /** Adds what was held for the open round and can be added now, and tells whether any was. */
  private boolean addHeld() {
    boolean added = false;
    for (int task = 0; task < run.orderedTasks(); task++) {
      for (int slot = 0; slot < slots.of(task); slot++) {
        for (final Shard shard : round.shards()) {
          added |= addHeld(new GradientKey(round.round(), task, slot, shard.index()));
        }
      }
    }
    return added;
  }

  /**
   * Refuses a gradient that is not finite. Where the open round lacks its slot and would take it
   * otherwise, it is remembered; once that shows that the round cannot end, the statistics say so.
   */
  private void diverged(DivergedException e, int task, long offset, byte @Nullable [] value) {
    final GradientShard header = e.header();
    final boolean counts;
    try {
      counts = isLacking(header, task);
      if (counts) {
        admission.checkDiverged(header, task, previousVerdict, decided);
      }
    } catch (MalformedRecordException unordered) {
      refuse(task, offset, value, unordered);
      return;
    }
    final int copies = counts ? round.refuse(header, task, offset) : 0;
    final Optional<ShardStatistics> divergence = counts ? round.divergence() : Optional.empty();
    refuse(
        task,
        offset,
        value,
        e,
        Metric.Refused.newBuilder()
            .setDiverged(true)
            .setCopies(copies)
            .setCertain(divergence.isPresent()));
    divergence.ifPresent(
        statistics ->
            sinks.send(TopicKind.STATISTICS, Keys.round(statistics.getRound()), statistics));
  }

  private boolean isLacking(GradientShard header, int task) {
    return header.getRound() == round.round()
        && switch (round.statusOf(header.getRound(), header.getShard(), task, header.getSlot())) {
          case NEXT, EARLY -> true;
          case CONTAINED, CLOSED, NOT_ORDERED -> false;
        };
  }

  private void refuse(
      int task, long offset, byte @Nullable [] value, MalformedRecordException refused) {
    refuse(task, offset, value, refused, Metric.Refused.newBuilder());
  }

  /**
   * Refuses a record. If it names a slot that the open round lacks, a metric says so, and the
   * parameter server orders the slot again.
   */
  private void refuse(
      int task,
      long offset,
      byte @Nullable [] value,
      MalformedRecordException refused,
      Metric.Refused.Builder metric) {
    final DeadLetter letter =
        sinks.refuse(gradients(task), offset, value, String.valueOf(refused.getMessage()));
    final var slot = new PartitionRound.MissingSlot(task, letter.getSlot());
    if (letter.getRound() == round.round() && round.missing().contains(slot)) {
      sinks.metric(
          "refused",
          Metric.newBuilder()
              .setRefused(
                  metric
                      .setRound(letter.getRound())
                      .setTask(task)
                      .setSlot(letter.getSlot())
                      .setWorker(letter.getWorker())
                      .setReason(letter.getReason())
                      .setTakes(
                          refused instanceof ForeignArithmeticException foreign
                              ? foreign.taken()
                              : ArithmeticPolicy.NONE)));
    }
  }
}
