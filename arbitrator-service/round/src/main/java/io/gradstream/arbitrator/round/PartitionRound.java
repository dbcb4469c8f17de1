package io.gradstream.arbitrator.round;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.selection.Selections;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ArbitratorMetadata;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.spec.ArithmeticPolicy;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSlots;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One partition's part of the round that is open.
 *
 * <p>Each shard has, per task that touches it and group of the task's slots, the sum of this
 * round's slots and the sum of the round before, and one momentum vector. Slots are added in slot
 * order, so the sums do not depend on who answered first; {@link #statusOf} says whether a slot's
 * turn has come. Once all slots of a shard are in, its inner products are taken, while other shards
 * still arrive. When the round closes, the sums become "previous" by the parity of the round:
 * nothing is copied.
 *
 * <p>Confined to one thread.
 */
public final class PartitionRound {
  /** What is to be done with a slot's gradient of a shard. */
  public enum SlotStatus {
    /** Its round is over. */
    CLOSED,
    /** The round takes gradients of another kind. */
    NOT_ORDERED,
    /** The sum contains it already. */
    CONTAINED,
    /** It is the next to add. */
    NEXT,
    /** Others come before it. */
    EARLY
  }

  /** Record size at which statistics go on in another record, well below a stock broker's limit. */
  private static final int MAX_STATISTICS_BYTES = 512 * 1024;

  private final Manifest manifest;
  private final int partition;
  private final TaskSlots slots;
  private final ShardVectors vectors;
  private final List<Shard> shards;
  private final TreeMap<Integer, ShardProgress> progressByShard = new TreeMap<>();
  private final ShardStatistics.@Nullable Slot[] reports;

  /**
   * Per task, the shard of this partition from whose gradients the reports of its slots are taken.
   */
  private final int[] reporting;

  private Phase phase = Phase.FIRST;
  private int incomplete;

  /** Whose gradients the last round that was not skipped had. */
  private final Set<String> workersBefore = new TreeSet<>();

  /** How often the open round was reported to stand still. */
  private int standstills;

  public PartitionRound(
      RunSpec spec, Manifest manifest, int partition, Kernels kernels, NamedVectors vectors) {
    this.manifest = manifest;
    this.partition = partition;
    this.slots = spec.slots();
    this.vectors = new ShardVectors(spec, manifest, kernels, vectors);
    this.shards = manifest.shardsOf(partition);
    this.reports = new ShardStatistics.Slot[slots.places()];
    this.reporting = new int[manifest.tasks().size() + 1];
    Arrays.setAll(reporting, this::firstShardOf);
    final int tasks = manifest.tasks().size();
    shards.forEach(
        shard ->
            progressByShard.put(
                shard.index(), new ShardProgress(shard, tasks, slots, this.vectors)));
    incomplete = shards.size();
  }

  /** Bytes of the vectors that all partitions of a run keep. */
  public static long vectorBytes(RunSpec spec, Manifest manifest) {
    return new ShardVectors(spec, manifest, Kernels.scalar(), NamedVectors.inMemory())
        .bytes(manifest.shards(), Selections.create(spec.selection()).isPresent());
  }

  /** The round that is open. */
  public long round() {
    return phase.round();
  }

  /** How many slots each task has in a round. */
  public TaskSlots slots() {
    return slots;
  }

  public List<Shard> shards() {
    return shards;
  }

  /** Whether all slots of all tasks are in, for all shards of the partition. */
  public boolean complete() {
    return incomplete == 0;
  }

  public SlotStatus statusOf(long slotRound, int shard, int task, int slot) {
    if (slotRound < phase.round()) {
      return SlotStatus.CLOSED;
    }
    if (slotRound > phase.round()) {
      return SlotStatus.EARLY;
    }
    if (!phase.kind().asks(task, manifest.tasks().size())) {
      return SlotStatus.NOT_ORDERED;
    }
    final int next = progressOf(shard).next(task);
    if (slot < next) {
      return SlotStatus.CONTAINED;
    }
    return slot == next ? SlotStatus.NEXT : SlotStatus.EARLY;
  }

  /**
   * Adds the slot whose turn it is.
   *
   * @param offset the record's offset on its partition of the task's gradients
   */
  public void add(SlotGradient gradient, long offset) {
    final boolean shardIsComplete = progressOf(gradient.shard()).add(phase, gradient, offset);
    final int task = gradient.report().getTask();
    if (gradient.shard() == reporting[task]) {
      reports[slots.place(task, gradient.report().getSlot())] = gradient.report();
    }
    if (shardIsComplete) {
      incomplete--;
    }
  }

  /**
   * The fingerprint of some slot that the open round contains; {@link ArithmeticPolicy#NONE} where
   * none is in.
   */
  public long arithmetic() {
    return Arrays.stream(reports)
        .filter(Objects::nonNull)
        .mapToLong(ShardStatistics.Slot::getFingerprint)
        .findFirst()
        .orElse(ArithmeticPolicy.NONE);
  }

  /** What the open round asks of each slot. */
  public RoundKind kind() {
    return phase.kind();
  }

  /**
   * Takes note of a gradient of the open round that was refused because it is not finite.
   *
   * @param header of the gradient, which is as it should be otherwise and whose slot is not in the
   *     sums
   * @param offset the record's offset on its partition of the task's gradients
   * @return how many of its slot and shard there are
   */
  public int refuse(GradientShard header, int task, long offset) {
    return progressOf(header.getShard())
        .divergence()
        .add(
            ShardStatistics.Contribution.newBuilder()
                .setTask(task)
                .setSlot(header.getSlot())
                .setWorker(header.getWorker())
                .setOffset(offset)
                .setDigest(header.getDigest())
                .build(),
            standstills);
  }

  /** Says that the round was reported to stand still. */
  public void standsStill() {
    standstills++;
  }

  /** Why the open round cannot end, as statistics of it; empty where that is not certain. */
  public Optional<ShardStatistics> divergence() {
    // Before a round has ended nobody knows who works: one that is there first works not alone.
    final Set<String> workers = new TreeSet<>(workersBefore);
    if (!workers.isEmpty()) {
      progressByShard.values().stream().flatMap(ShardProgress::workers).forEach(workers::add);
    }
    for (final ShardProgress progress : progressByShard.values()) {
      final Optional<List<ShardStatistics.Contribution>> certain =
          progress.divergence().certain(workers);
      if (certain.isPresent()) {
        final ShardStatistics.Builder statistics = newStatistics();
        statistics
            .getDivergenceBuilder()
            .setShard(progress.shard().index())
            .addAllRefused(certain.get());
        return Optional.of(statistics.build());
      }
    }
    return Optional.empty();
  }

  private int firstShardOf(int task) {
    return shards.stream()
        .filter(shard -> manifest.touches(task, shard))
        .mapToInt(Shard::index)
        .findFirst()
        .orElse(-1);
  }

  /** The statistics of a complete partition, in as many records as their size asks for. */
  public List<ShardStatistics> statistics() {
    if (!complete()) {
      throw new IllegalStateException("round " + phase.round() + " is not complete");
    }
    final var records = new ArrayList<ShardStatistics.Builder>(List.of(newStatistics()));
    int bytes = 0;
    for (final ShardStatistics.Slot report : reports) {
      if (report != null) {
        bytes = next(records, bytes, report.getSerializedSize());
        records.getLast().addSlots(report);
      }
    }
    for (final ShardProgress progress : progressByShard.values()) {
      final ShardStatistics.Products products = progress.products();
      bytes = next(records, bytes, products.getSerializedSize());
      records.getLast().addShards(products);
    }
    return records.stream().map(ShardStatistics.Builder::build).toList();
  }

  /**
   * Begins another record if {@code more} bytes do not fit into the last one. Returns the bytes in
   * the last one with them.
   */
  private int next(List<ShardStatistics.Builder> records, int before, int more) {
    if (before == 0 || before + more <= MAX_STATISTICS_BYTES) {
      return before + more;
    }
    records.add(newStatistics());
    return more;
  }

  private ShardStatistics.Builder newStatistics() {
    final var statistics =
        ShardStatistics.newBuilder()
            .setRound(phase.round())
            .setPartition(partition)
            .setManifest(manifest.hash());
    return phase.scalarized() || slots.groups() == 1
        ? statistics
        : statistics.setGroups(slots.groups());
  }

  /**
   * Closes the round: combines every shard and hands over its update record, in shard order. A
   * round that is skipped need not be complete, and moves nothing.
   *
   * @param verdict of this round
   */
  public void close(Verdict verdict, BiConsumer<Shard, byte[]> updates) {
    if (!isClosedBy(verdict)) {
      throw new IllegalStateException(
          "verdict %d closes round %d".formatted(verdict.getRound(), phase.round()));
    }
    final ByteString digest = Digests.of(verdict);
    shards.forEach(shard -> updates.accept(shard, vectors.combine(phase, shard, verdict, digest)));
    if (verdict.getSkipped()) {
      progressByShard.values().forEach(progress -> progress.skip(phase));
    } else {
      workersBefore.clear();
      progressByShard.values().stream().flatMap(ShardProgress::workers).forEach(workersBefore::add);
      progressByShard.values().forEach(ShardProgress::clear);
    }
    phase = phase.after(verdict);
    incomplete = shards.size();
    standstills = 0;
    Arrays.fill(reports, null);
  }

  /** Whether the open round can be closed by a verdict as it stands. */
  public boolean isClosedBy(Verdict verdict) {
    return verdict.getRound() == phase.round() && (complete() || verdict.getSkipped());
  }

  /** Hands over the update records of the round before once more, with the same bits. */
  public void repeat(Verdict verdict, BiConsumer<Shard, byte[]> updates) {
    if (verdict.getRound() != phase.round() - 1) {
      throw new IllegalStateException(
          "round %d is not the one before %d".formatted(verdict.getRound(), phase.round()));
    }
    final Phase before = phase.before(verdict);
    final ByteString digest = Digests.of(verdict);
    shards.forEach(shard -> updates.accept(shard, vectors.repeat(before, shard, verdict, digest)));
  }

  private ShardProgress progressOf(int shard) {
    final ShardProgress progress = progressByShard.get(shard);
    if (progress == null) {
      throw new IllegalArgumentException(
          "shard %d is not on partition %d".formatted(shard, partition));
    }
    return progress;
  }

  /** The slots that some shard of the partition still lacks, task by task. */
  public List<MissingSlot> missing() {
    final var missing = new ArrayList<MissingSlot>();
    for (final int task : phase.kind().asked(manifest.tasks().size()).toArray()) {
      int next = slots.of(task);
      for (final Shard shard : shards) {
        if (manifest.touches(task, shard)) {
          next = Math.min(next, progressOf(shard.index()).next(task));
        }
      }
      for (int slot = next; slot < slots.of(task); slot++) {
        missing.add(new MissingSlot(task, slot));
      }
    }
    return missing;
  }

  /** A slot that has not been added to all shards. */
  public record MissingSlot(int task, int slot) {}

  /** Writes down where the round stands, except for its vectors. */
  public void save(ArbitratorMetadata.Builder metadata) {
    metadata
        .setRound(phase.round())
        .setJointRounds(phase.joint())
        .setScalarized(phase.scalarized())
        .addAllWorkersBefore(workersBefore);
    progressByShard.values().forEach(progress -> progress.save(metadata.addShardsBuilder()));
    for (final ShardStatistics.Slot report : reports) {
      if (report != null) {
        metadata.addSlots(report);
      }
    }
  }

  /** Goes on where {@link #save} left off; the vectors must be those of that moment. */
  public void restore(ArbitratorMetadata metadata) {
    phase =
        new Phase(
            metadata.getRound(), metadata.getJointRounds(), RoundKind.of(metadata.getScalarized()));
    workersBefore.clear();
    workersBefore.addAll(metadata.getWorkersBeforeList());
    standstills = 0;
    Arrays.fill(reports, null);
    metadata
        .getSlotsList()
        .forEach(slot -> reports[slots.place(slot.getTask(), slot.getSlot())] = slot);
    incomplete = shards.size();
    for (final var progress : metadata.getShardsList()) {
      if (progressOf(progress.getShard()).restore(phase, progress)) {
        incomplete--;
      }
    }
  }
}
