package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A run of made-up gradients through all partitions and the one that decides. */
final class InMemoryRun {
  private static final int NEVER = -1;

  /**
   * What came of a round.
   *
   * @param update the flat vector that the optimizer gets
   */
  record Outcome(Verdict verdict, float[] update) {}

  private final RunSpec spec;
  private final Manifest manifest;
  private final MadeUpGradients gradients;
  private List<Kept> vectors;
  private SortedMap<Integer, byte[]> lastUpdates = new TreeMap<>();
  private LocalRounds rounds;
  private long offset;
  private long shift;

  InMemoryRun(RunSpec spec, Manifest manifest) {
    this.spec = spec;
    this.manifest = manifest;
    this.gradients = new MadeUpGradients(spec);
    this.vectors =
        Stream.generate(() -> new Kept(new HashMap<>())).limit(manifest.partitions()).toList();
    this.rounds = open();
  }

  private LocalRounds open() {
    return new LocalRounds(RunDescription.of(spec, manifest), Kernels.scalar(), vectors);
  }

  /** Bytes of all vectors that were asked for so far. */
  long vectorBytes() {
    return vectors.stream()
        .flatMap(kept -> kept.all().values().stream())
        .mapToLong(MemorySegment::byteSize)
        .sum();
  }

  /**
   * From here on, rounds have the gradients of so many rounds later: as in a run that has skipped
   * so many.
   */
  void shift(int by) {
    shift = by;
  }

  /**
   * Begins the round that is open with so many gradients of its shards, and skips it for the last
   * slot of the first task on the first shard, which has none.
   */
  Verdict skip(int added) {
    final boolean scalarized = rounds.last().map(Verdict::getNextScalarized).orElse(false);
    final int first = scalarized ? MadeUpGradients.TASKS : 0;
    final int end = scalarized ? MadeUpGradients.TASKS + 1 : MadeUpGradients.TASKS;
    final int last = spec.slots().of(first) - 1;
    int left = added;
    for (int slot = 0; slot < spec.slots().most(); slot++) {
      for (int task = first; task < end; task++) {
        for (final Shard shard : manifest.shards()) {
          final boolean diverges = task == first && slot == last && shard.index() == 0;
          if (slot < spec.slots().of(task)
              && manifest.touches(task, shard)
              && !diverges
              && left-- > 0) {
            add(task, slot, shard);
          }
        }
      }
    }
    return skip(first, rounds.round());
  }

  private Verdict skip(int task, long round) {
    final int shard = 0;
    final PartitionRound partition = rounds.partition(manifest.shard(shard).partition());
    for (final String worker : List.of("a/0", "b/0")) {
      assertThat(partition.divergence()).isEmpty();
      partition.refuse(
          GradientShard.newBuilder()
              .setRound(round)
              .setShard(shard)
              .setSlot(spec.slots().of(task) - 1)
              .setWorker(worker)
              .build(),
          task,
          offset++);
    }
    restart();
    final ShardStatistics statistics =
        rounds.partition(manifest.shard(shard).partition()).divergence().orElseThrow();
    assertThat(rounds.fits(statistics)).isTrue();
    final Verdict verdict = rounds.decide(statistics, 17).orElseThrow();
    lastUpdates = rounds.close(verdict);
    return verdict;
  }

  /** The update records of the round that was closed last, by shard. */
  SortedMap<Integer, byte[]> lastUpdates() {
    return lastUpdates;
  }

  /** Plays the round that is open. */
  Outcome next() {
    return next(NEVER);
  }

  /** Plays the round; after so many slots of a shard everything is restored from what was kept. */
  Outcome next(int restart) {
    final boolean scalarized = rounds.last().map(Verdict::getNextScalarized).orElse(false);
    final int[] tasks =
        scalarized
            ? new int[] {MadeUpGradients.TASKS}
            : IntStream.range(0, MadeUpGradients.TASKS).toArray();
    int added = 0;
    for (int slot = 0; slot < spec.slots().most(); slot++) {
      for (final int task : tasks) {
        for (final Shard shard : manifest.shards()) {
          if (slot < spec.slots().of(task) && manifest.touches(task, shard)) {
            if (added++ == restart) {
              restart();
            }
            add(task, slot, shard);
          }
        }
      }
      rounds.last().ifPresent(this::repeat);
    }
    return close();
  }

  private void add(int task, int slot, Shard shard) {
    final long round = rounds.round();
    final long number = round + shift;
    final float[] flat =
        Arrays.copyOf(gradients.of(number, task, slot), MadeUpGradients.size() + 25);
    System.arraycopy(
        MadeUpGradients.takenFromBuffers(number, task, slot), 0, flat, MadeUpGradients.size(), 25);
    final float[] piece = MadeUpGradients.piece(flat, shard);
    final MemorySegment values = MemorySegment.ofArray(piece);
    final var report = ShardStatistics.Slot.newBuilder().setTask(task).setSlot(slot);
    if (task < MadeUpGradients.TASKS) {
      report.setLoss(gradients.loss(number, task, slot));
    } else {
      for (int each = 0; each < task; each++) {
        report.addTaskLosses(gradients.loss(number, each, slot));
      }
    }
    assertThat(rounds.statusOf(round, shard.index(), task, slot))
        .isEqualTo(PartitionRound.SlotStatus.NEXT);
    rounds.add(
        new SlotGradient(
            round,
            shard.index(),
            0,
            report.build(),
            values,
            ValueType.FLOAT32,
            Kernels.scalar().squaredNorm(values, ValueType.FLOAT32, piece.length),
            ByteString.copyFrom(new byte[] {(byte) task, (byte) slot, (byte) shard.index()})),
        offset++);
  }

  /** What is published once more has the same bytes, however far the next round is. */
  private void repeat(Verdict verdict) {
    rounds
        .repeat(verdict)
        .forEach((shard, update) -> assertThat(update).isEqualTo(lastUpdates.get(shard)));
  }

  private void restart() {
    final LocalRounds before = rounds;
    vectors = vectors.stream().map(Kept::copy).toList();
    rounds = open();
    for (int partition = 0; partition < vectors.size(); partition++) {
      rounds.restore(partition, before.save(partition, before.last().orElse(null)));
    }
  }

  private Outcome close() {
    assertThat(rounds.complete()).isTrue();
    final Verdict verdict = rounds.decide();
    final var update = new float[(int) manifest.size()];
    lastUpdates = rounds.close(verdict);
    lastUpdates.forEach(
        (index, record) -> {
          final Shard shard = manifest.shard(index);
          final float[] values = valuesOf(record, shard.length());
          System.arraycopy(values, 0, update, (int) shard.offset(), values.length);
        });
    return new Outcome(verdict, update);
  }

  private static float[] valuesOf(byte[] record, int length) {
    try {
      final ValuesRecord<UpdateShard> read = ValuesRecord.read(record, UpdateShard.parser());
      final var values = new float[length];
      final ValueType type = ValuesRecord.typeOf(read.header().getType());
      Kernels.scalar()
          .convert(MemorySegment.ofArray(values), ValueType.FLOAT32, read.values(), type, length);
      return values;
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Vectors whose values at a moment can be kept. */
  private record Kept(Map<VectorId, MemorySegment> all) implements NamedVectors {
    @Override
    public MemorySegment vector(VectorId id, long length) {
      return all.computeIfAbsent(id, absent -> MemorySegment.ofArray(new float[(int) length]));
    }

    @Override
    public void changed(VectorId id) {
      // All are kept.
    }

    Kept copy() {
      final var copies = new HashMap<VectorId, MemorySegment>();
      all.forEach(
          (id, vector) ->
              copies.put(id, MemorySegment.ofArray(vector.toArray(ValueLayout.JAVA_FLOAT))));
      return new Kept(copies);
    }
  }
}
