package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.GradientKind;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ArithmeticPolicy;
import io.gradstream.proto.spec.TaskSlots;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Spot checks of workers: computes a share of the slots once more from the recorded weights and the
 * slot's data, and compares.
 *
 * <p>Which slots follows from the last verdict and the share, so that two auditors of the same log
 * check the same, and no worker knew which when it computed.
 *
 * <p>With the arithmetic that the worker had an honest gradient has the same bits, or nearly so,
 * and a worker is suspected above {@link #TOLERANCE}. With another arithmetic, by the fingerprints,
 * rounding may explain more, and the worker says itself which it had: there it is told how far
 * apart the gradients are, and a worker is suspected only above {@link #OTHER_TOLERANCE}, which no
 * rounding explains. A gradient that says which samples it was computed on, by their digest, is not
 * compared where the auditor has others. One owner, one thread: the model's.
 */
public final class WorkerSpotCheck {
  /** Norm of the difference over the norm of the gradient that an honest worker stays under. */
  public static final double TOLERANCE = 1e-3;

  /** The same where the worker computed with another arithmetic than this machine does. */
  public static final double OTHER_TOLERANCE = 0.1;

  /** How often a worker's slots agreed. */
  public record Tally(long slots, long sameBits, long suspicious, double largestError) {
    private Tally plus(double error, boolean same, boolean suspect) {
      return new Tally(
          slots + 1,
          sameBits + (same ? 1 : 0),
          suspicious + (suspect ? 1 : 0),
          Math.max(largestError, error));
    }
  }

  private record Slot(int task, int slot) {}

  /** A slot's recorded shards, until the round is whole. */
  private record Recorded(ShardStatistics.Slot slot, LogRecord first, List<SlotGradient> shards) {
    String worker() {
      return slot.getWorker();
    }
  }

  /** How often slots agreed that were computed with another arithmetic than here. */
  private record Other(Set<String> workers, long slots, double largestError) {
    Other plus(Other more) {
      workers.addAll(more.workers);
      return new Other(workers, slots + more.slots, Math.max(largestError, more.largestError));
    }
  }

  /** Between what a worker sent and what is computed here. */
  private static final class Distance {
    private double difference;
    private double product;
    private double there;
    private double here;
    private boolean same = true;

    void add(float[] sent, float[] computed, boolean sameBits) {
      same &= sameBits;
      for (int i = 0; i < sent.length; i++) {
        final double distance = (double) sent[i] - computed[i];
        difference += distance * distance;
        product += (double) sent[i] * computed[i];
        there += (double) sent[i] * sent[i];
        here += (double) computed[i] * computed[i];
      }
    }

    double error() {
      return same ? 0 : Math.sqrt(difference) / Math.max(Math.sqrt(here), 1e-30);
    }

    double cosine() {
      return product / Math.max(Math.sqrt(there * here), 1e-30);
    }
  }

  private final RunDescription run;
  private final double share;
  private final TaskModel model;
  private final long fingerprint;
  private final RoundOrders orders;
  private final TaskSlots slots;
  private long seed;
  private final Kernels kernels = Kernels.best();
  private final SortedMap<String, Tally> tallies = new TreeMap<>();
  private final SortedMap<Long, Other> others = new TreeMap<>(Long::compareUnsigned);
  private final SortedMap<Integer, Recorded> round = new TreeMap<>();

  /**
   * @param share of the slots to compute, 0 to 1
   * @param model the run's model; the caller closes it
   */
  public WorkerSpotCheck(RunDescription run, double share, TaskModel model) {
    this.run = run;
    this.share = share;
    this.model = model;
    this.fingerprint = model.fingerprint();
    this.orders = new RoundOrders(run.spec());
    this.slots = run.slots();
  }

  /** Says what the share is drawn by: the digest of the log's last verdict. */
  void drawBy(ByteString verdict) {
    seed = ByteBuffer.wrap(verdict.toByteArray()).getLong();
  }

  /** Whether a slot is one of the share. */
  private boolean isDrawn(long ofRound, int task, int slot) {
    long hash = seed;
    for (final long part : new long[] {ofRound, task, slot}) {
      hash = mix(hash ^ part);
    }
    return (hash >>> 11) * 0x1p-53 < share;
  }

  /** The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
  private static long mix(long value) {
    long z = value + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** Takes a shard of a counted gradient of the open round. */
  void add(SlotGradient gradient, LogRecord record) {
    final int task = gradient.report().getTask();
    final int slot = gradient.report().getSlot();
    if (isDrawn(gradient.round(), task, slot)) {
      round
          .computeIfAbsent(
              slots.place(task, slot),
              absent -> new Recorded(gradient.report(), record, new ArrayList<>()))
          .shards()
          .add(gradient);
    }
  }

  /**
   * Computes the drawn slots of a round, all of whose gradients were added.
   *
   * @param before holds the weights that the round's gradients were computed at
   */
  List<Finding> check(long ofRound, Recalculation before) {
    final var findings = new ArrayList<Finding>();
    if (!round.isEmpty()) {
      before.copyWeights(model.weights());
    }
    round.forEach(
        (place, recorded) -> {
          final var slot = new Slot(slots.taskAt(place), slots.slotAt(place));
          check(ofRound, slot, recorded).ifPresent(findings::add);
        });
    round.clear();
    return findings;
  }

  /** On other data the gradient must be another, and who is wrong is not known. */
  private Optional<Finding> checkData(Order order, Slot slot, Recorded recorded) {
    final ByteString there = recorded.slot().getBatchDigest();
    final int task = order.getKind() == GradientKind.TASK ? slot.task() : 0;
    final ByteString here = model.batchDigest(task, order.getMicroBatch());
    if (there.isEmpty() || here.isEmpty() || there.equals(here)) {
      return Optional.empty();
    }
    final var suspected = new Tally(1, 0, 1, 0);
    tallies.merge(recorded.worker(), suspected, (old, one) -> old.plus(0, false, true));
    return Optional.of(
        new Finding(
            Finding.Kind.DATA,
            order.getRound(),
            recorded.first().source(),
            recorded.first().offset(),
            "worker %s, slot %d of %s: not the same data, so its gradient is not compared; SHA-256 of the samples of micro-batch %d"
                .formatted(
                    recorded.worker(),
                    slot.slot(),
                    run.topics().nameOf(slot.task()),
                    order.getMicroBatch()),
            HexFormat.of().formatHex(there.toByteArray()),
            HexFormat.of().formatHex(here.toByteArray())));
  }

  private Optional<Finding> check(long ofRound, Slot slot, Recorded recorded) {
    final Order order = orders.of(ofRound, slot.task(), slot.slot(), 0);
    final Optional<Finding> otherData = checkData(order, slot, recorded);
    if (otherData.isPresent()) {
      return otherData;
    }
    if (order.getKind() == GradientKind.TASK) {
      model.gradient(slot.task(), order.getMicroBatch());
    } else {
      model.scalarizedGradient(order.getMicroBatch());
    }
    final var gradient = new Distance();
    final var buffers = new Distance();
    for (final SlotGradient shard : recorded.shards()) {
      final Shard place = run.manifest().shard(shard.shard());
      final MemorySegment own = own(place, shard.type());
      (place.buffer() ? buffers : gradient)
          .add(
              floats(shard.values(), shard.type(), place.length()),
              floats(own, shard.type(), place.length()),
              own.mismatch(shard.values()) < 0);
    }
    // Their sizes have nothing to do with each other, so one must not hide in the other's norm.
    final Distance worse = buffers.error() > gradient.error() ? buffers : gradient;
    final double error = worse.error();
    final boolean same = gradient.same && buffers.same;
    final boolean suspect = !(error <= tolerance(recorded, error));
    tallies.merge(
        recorded.worker(),
        new Tally(0, 0, 0, 0).plus(error, same, suspect),
        (old, one) -> old.plus(error, one.sameBits() == 1, suspect));
    if (!suspect) {
      return Optional.empty();
    }
    return Optional.of(
        new Finding(
            Finding.Kind.RECOMPUTED,
            ofRound,
            recorded.first().source(),
            recorded.first().offset(),
            "worker %s, slot %d of %s%s: cosine %.6f, relative error %.3g; its norm"
                .formatted(
                    recorded.worker(),
                    slot.slot(),
                    run.topics().nameOf(slot.task()),
                    worse == buffers ? ", what it takes from the buffers" : "",
                    worse.cosine(),
                    error),
            Double.toString(Math.sqrt(worse.there)),
            Double.toString(Math.sqrt(worse.here))));
  }

  /** Up to which error rounding explains it; notes what was computed with another arithmetic. */
  private double tolerance(Recorded recorded, double error) {
    final long theirs = recorded.slot().getFingerprint();
    if (theirs == fingerprint || theirs == ArithmeticPolicy.NONE) {
      return TOLERANCE;
    }
    others.merge(
        theirs, new Other(new TreeSet<>(Set.of(recorded.worker())), 1, error), Other::plus);
    return OTHER_TOLERANCE;
  }

  /** What was computed with another arithmetic than this machine's, and so proves less. */
  List<String> notes() {
    return others.entrySet().stream()
        .map(
            each ->
                "%d slots of %s were computed with arithmetic %s, here it is %s: bits need not agree (largest relative error %.2g); to compare them, audit where gradstream arithmetic prints the former"
                    .formatted(
                        each.getValue().slots(),
                        String.join(", ", each.getValue().workers()),
                        ArithmeticPolicy.text(each.getKey()),
                        ArithmeticPolicy.text(fingerprint),
                        each.getValue().largestError()))
        .toList();
  }

  /** The computed gradient of a shard as it would travel. */
  private MemorySegment own(Shard shard, ValueType type) {
    final MemorySegment values = MemorySegment.ofArray(new byte[shard.length() * type.bytes()]);
    kernels.convert(
        values,
        type,
        model.gradient().asSlice(shard.offset() * Float.BYTES, (long) shard.length() * Float.BYTES),
        ValueType.FLOAT32,
        shard.length());
    return values;
  }

  private float[] floats(MemorySegment values, ValueType type, int length) {
    final float[] floats = new float[length];
    kernels.convert(MemorySegment.ofArray(floats), ValueType.FLOAT32, values, type, length);
    return floats;
  }

  /** How often each worker's slots agreed, by its name. */
  public SortedMap<String, Tally> tallies() {
    return tallies;
  }
}
