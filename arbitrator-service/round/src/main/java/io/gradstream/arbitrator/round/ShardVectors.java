package io.gradstream.arbitrator.round;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.GroupedResolver;
import io.gradstream.proto.kernels.InnerProducts;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.spec.Momentum;
import io.gradstream.proto.spec.OnDivergence;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSlots;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The vectors of a partition's shards and what is done to them, all in place.
 *
 * <p>Per shard and task that touches it: the sum of this round's slots and that of the joint round
 * before, which change places with each joint round, so that nothing is copied; with a calibrator,
 * its memory. On shared shards each group of a task's slots has such vectors of its own; they are
 * the shard's rows, task by task, group by group. Per shard: the momentum, where it is integrated,
 * and the sums of rounds that are not joint. Sums are neither divided by the slots nor multiplied
 * by the loss weights; the verdict's coefficients do both.
 *
 * <p>Buffers have sums alone, one for each task that they learn from: their update is the mean over
 * these tasks of the means over their slots, in float32, whatever is decided about gradients.
 *
 * <p>Calibration concerns shared parameters, as resolution does. A calibrator that needs the norms
 * of the whole round has to wait for the verdict; until then the inner products are those of
 * gradients and memories side by side.
 */
final class ShardVectors {
  private static final MemorySegment[] NONE = {};
  private static final int MOMENTUM = 2;
  private static final int MEMORY = 3;
  private static final int SUMMED = 4;

  /** Memories as they were before the round, where one may be skipped after they have moved. */
  private static final int MEMORY_BEFORE = 6;

  /** Sums over the rounds of squared elements, where the method reads what they tell. */
  private static final int SQUARES = 7;

  /** One of the gradients that a shard gets in a round. */
  private record Row(int task, int group) {}

  private final Manifest manifest;
  private final TaskSlots slots;
  private final int groups;
  private final ValueType updateType;
  private final boolean integratesMomentum;
  private final boolean undoes;
  private final Calibrator calibrator;
  private final @Nullable ElementwiseCombiner elementwise;
  private final boolean excess;
  private final double[] rowScales;
  private final Kernels kernels;
  private final NamedVectors vectors;

  ShardVectors(RunSpec spec, Manifest manifest, Kernels kernels, NamedVectors vectors) {
    this.manifest = manifest;
    this.slots = spec.slots();
    this.groups = slots.groups();
    this.kernels = kernels;
    this.vectors = vectors;
    this.updateType = spec.transport().valueType();
    this.integratesMomentum = spec.momentum().mode() == Momentum.Mode.INTEGRATED;
    this.calibrator = Calibrators.create(spec.calibrator());
    this.undoes =
        spec.onDivergence() == OnDivergence.SKIP_ROUND
            && calibrator.remembers()
            && !calibrator.needsNorms();
    final GroupedResolver resolver = GroupedResolver.of(spec);
    final ElementwiseResolver method = resolver.elementwise();
    this.elementwise = method == null ? null : new ElementwiseCombiner(spec, method);
    this.excess = resolver.readsExcess();
    this.rowScales = JointRound.rowScales(spec);
  }

  /** Bytes of all vectors of a partition's shards. */
  long bytes(List<Shard> shards, boolean selective) {
    long values = 0;
    for (final Shard shard : shards) {
      final long rows =
          shard.shared()
              ? (long) manifest.tasks().size() * groups
              : shard.buffer() ? manifest.learnersOf(shard).size() : 1;
      final int ofRow = (calibrator.remembers() ? undoes ? 2 : 1 : 0) + (excess ? 1 : 0);
      final long memories = shard.shared() ? ofRow * rows : 0;
      final int others = (integratesMomentum && !shard.buffer() ? 1 : 0) + (selective ? 2 : 0);
      values += shard.length() * (2 * rows + memories + others);
    }
    return values * Float.BYTES;
  }

  /** The tasks whose gradients a shard gets in a round. */
  List<Integer> tasksOf(Phase phase, Shard shard) {
    return phase
        .kind()
        .asked(manifest.tasks().size())
        .filter(task -> manifest.touches(task, shard))
        .boxed()
        .toList();
  }

  private int groupsOf(Phase phase, Shard shard) {
    return shard.shared() && !phase.scalarized() ? groups : 1;
  }

  private List<Row> rowsOf(Phase phase, Shard shard) {
    final int count = groupsOf(phase, shard);
    return tasksOf(phase, shard).stream()
        .flatMap(task -> IntStream.range(0, count).mapToObj(group -> new Row(task, group)))
        .toList();
  }

  /** Adds a slot to the sum of its task and group, or begins the sum with it. */
  void add(Phase phase, Shard shard, int task, int slot, MemorySegment values, ValueType type) {
    final int count = groupsOf(phase, shard);
    final VectorId id = sumId(phase, shard, new Row(task, slot % count));
    final MemorySegment sum = vectors.vector(id, shard.length());
    if (slot < count) {
      kernels.set(sum, values, type, shard.length());
    } else {
      kernels.add(sum, values, type, shard.length());
    }
    vectors.changed(id);
  }

  /**
   * Calibrates a shard whose sums are complete, unless that has to wait for the verdict.
   *
   * @return what {@link #squaredSums} tells of the sums before; empty if they did not change
   */
  double[] calibrate(Phase phase, Shard shard) {
    if (!shard.shared()
        || phase.scalarized()
        || !calibrator.remembers()
        || calibrator.needsNorms()) {
      return new double[0];
    }
    final double[] squared = squaredSums(phase, shard);
    final List<Row> rows = rowsOf(phase, shard);
    if (undoes) {
      rows.forEach(row -> copy(shard, row, MEMORY, MEMORY_BEFORE));
    }
    final double[] unread = new double[rows.size()];
    calibrate(phase, shard, calibrator.calibrate(phase.joint(), unread, unread));
    return squared;
  }

  /**
   * The squared norm of each task's sum; with groups, for each task the upper triangle of the Gram
   * matrix of its groups' sums.
   */
  private double[] squaredSums(Phase phase, Shard shard) {
    final List<MemorySegment> sums = sums(phase, shard);
    if (groupsOf(phase, shard) == 1) {
      return sums.stream()
          .mapToDouble(sum -> kernels.squaredNorm(sum, ValueType.FLOAT32, shard.length()))
          .toArray();
    }
    return IntStream.range(0, sums.size() / groups)
        .mapToObj(task -> sums.subList(task * groups, (task + 1) * groups))
        .flatMapToDouble(
            ofTask ->
                Arrays.stream(
                    kernels.innerProducts(array(ofTask), NONE, null, shard.length()).gram()))
        .toArray();
  }

  private static MemorySegment[] array(List<MemorySegment> segments) {
    return segments.toArray(MemorySegment[]::new);
  }

  /** Takes back what calibrating a shard of a round that is skipped did to the memories. */
  void undoCalibration(Phase phase, Shard shard) {
    if (undoes && shard.shared() && !phase.scalarized()) {
      rowsOf(phase, shard).forEach(row -> copy(shard, row, MEMORY_BEFORE, MEMORY));
    }
  }

  private void copy(Shard shard, Row row, int from, int to) {
    kernels.set(
        vector(to, shard, row), vector(from, shard, row), ValueType.FLOAT32, shard.length());
    vectors.changed(id(to, shard, row));
  }

  private void calibrate(Phase phase, Shard shard, Calibration calibration) {
    for (final Row row : rowsOf(phase, shard)) {
      final int index = row.task() * groups + row.group();
      final MemorySegment sum = sum(phase, shard, row);
      final MemorySegment memory = vector(MEMORY, shard, row);
      final float direct = (float) calibration.direct()[index];
      final float remembered = (float) calibration.remembered()[index];
      final MemorySegment newMemory = scratch(shard);
      kernels.combine(
          newMemory,
          ValueType.FLOAT32,
          new MemorySegment[] {sum},
          new float[] {(float) calibration.take()[index]},
          memory,
          (float) calibration.keep()[index],
          1,
          shard.length());
      kernels.combine(
          sum,
          ValueType.FLOAT32,
          new MemorySegment[] {sum, newMemory},
          new float[] {direct, remembered},
          null,
          0,
          1,
          shard.length());
      vectors.changed(sumId(phase, shard, row));
      vectors.changed(id(MEMORY, shard, row));
    }
  }

  private MemorySegment scratch(Shard shard) {
    return MemorySegment.ofArray(new float[shard.length()]);
  }

  /**
   * Inner products of a shard whose sums are complete: all of its rows with each other, and each
   * group's with those of the same group in the round before, group by group. Where the calibrator
   * needs norms, the rows' memories are rows, too; they stand for the round before where they are
   * its calibrated gradients.
   */
  InnerProducts innerProducts(Phase phase, Shard shard) {
    final List<MemorySegment> sums = sums(phase, shard);
    final List<MemorySegment> rows = new ArrayList<>(sums);
    final boolean memories = shard.shared() && !phase.scalarized() && calibrator.needsNorms();
    if (memories) {
      rowsOf(phase, shard).forEach(row -> rows.add(vector(MEMORY, shard, row)));
    }
    final List<MemorySegment> previous =
        phase.joint() == 0 || phase.scalarized() || (memories && calibrator.remembersGradients())
            ? List.of()
            : sums(new Phase(phase.round() - 1, phase.joint() - 1, RoundKind.EACH_TASK), shard);
    final int count = groupsOf(phase, shard);
    final boolean atOnce = count == 1 && !memories;
    final InnerProducts all =
        kernels.innerProducts(
            array(rows), atOnce ? array(previous) : NONE, momentumOf(shard), shard.length());
    if (atOnce || previous.isEmpty()) {
      return all;
    }
    final double[] cross =
        IntStream.range(0, count)
            .boxed()
            .flatMapToDouble(group -> cross(rows, previous, group, count, shard))
            .toArray();
    return new InnerProducts(all.gram(), cross, all.momentum(), all.momentumSquared());
  }

  /** Of one group: its sums, then its memories where there are any, with the round before. */
  private DoubleStream cross(
      List<MemorySegment> rows, List<MemorySegment> previous, int group, int count, Shard shard) {
    return IntStream.range(0, rows.size() / previous.size())
        .mapToObj(part -> rows.subList(part * previous.size(), (part + 1) * previous.size()))
        .map(
            part ->
                kernels.innerProducts(
                    ofGroup(part, group, count),
                    ofGroup(previous, group, count),
                    null,
                    shard.length()))
        .flatMapToDouble(products -> Arrays.stream(products.cross()));
  }

  /**
   * For each row of a shared shard whose sums are complete, what {@link ExcessPass} estimates; none
   * where the method does not read it.
   */
  double[] excess(Phase phase, Shard shard) {
    return hasExcess(phase, shard)
        ? rowsOf(phase, shard).stream()
            .mapToDouble(
                row ->
                    ExcessPass.estimate(
                        sum(phase, shard, row),
                        scale(row),
                        vector(SQUARES, shard, row),
                        shard.length()))
            .toArray()
        : new double[0];
  }

  private boolean hasExcess(Phase phase, Shard shard) {
    return excess && shard.shared() && !phase.scalarized();
  }

  private void moveSquares(Phase phase, Shard shard) {
    for (final Row row : rowsOf(phase, shard)) {
      ExcessPass.move(
          sum(phase, shard, row), scale(row), vector(SQUARES, shard, row), shard.length());
      vectors.changed(id(SQUARES, shard, row));
    }
  }

  private double scale(Row row) {
    return rowScales[row.task() * groups + row.group()];
  }

  private static MemorySegment[] ofGroup(List<MemorySegment> rows, int group, int count) {
    return IntStream.range(0, rows.size())
        .filter(row -> row % count == group)
        .mapToObj(rows::get)
        .toArray(MemorySegment[]::new);
  }

  /**
   * The update record of a shard, as the verdict asks for it; moves the momentum. That of a skipped
   * round is zero and moves nothing.
   *
   * @param digest of the verdict
   */
  byte[] combine(Phase phase, Shard shard, Verdict verdict, ByteString digest) {
    if (verdict.getSkipped()) {
      return skipped(shard, verdict, digest);
    }
    if (shard.shared() && verdict.hasCalibration()) {
      calibrate(phase, shard, calibrationOf(verdict.getCalibration()));
    }
    if (hasExcess(phase, shard)) {
      moveSquares(phase, shard);
    }
    final MemorySegment momentum = momentumOf(shard);
    final UpdateRecord record = record(shard, verdict, digest);
    combine(phase, shard, verdict, momentum, record.values());
    if (momentum != null) {
      vectors.changed(momentumId(shard));
    }
    return record.sealed();
  }

  /** The update record of a closed round once more, with the same bits. */
  byte[] repeat(Phase phase, Shard shard, Verdict verdict, ByteString digest) {
    if (verdict.getSkipped()) {
      return skipped(shard, verdict, digest);
    }
    final MemorySegment momentum = momentumOf(shard);
    final UpdateRecord record = record(shard, verdict, digest);
    if (momentum == null) {
      combine(phase, shard, verdict, null, record.values());
    } else {
      kernels.scale(
          record.values(), updateType, momentum, verdict.getOutputScale(), shard.length());
    }
    return record.sealed();
  }

  private byte[] skipped(Shard shard, Verdict verdict, ByteString digest) {
    final ValueType type = shard.travelsAs(updateType);
    return UpdateRecord.skipped(manifest, shard, verdict.getRound(), type, digest);
  }

  private UpdateRecord record(Shard shard, Verdict verdict, ByteString digest) {
    final ValueType type = shard.travelsAs(updateType);
    return new UpdateRecord(manifest, shard, verdict.getRound(), type, digest);
  }

  private void combine(
      Phase phase,
      Shard shard,
      Verdict verdict,
      @Nullable MemorySegment momentum,
      MemorySegment update) {
    final List<MemorySegment> sums = sums(phase, shard);
    final MemorySegment[] combined;
    final float[] coefficients;
    if (shard.shared() && elementwise != null && !phase.scalarized()) {
      combined = new MemorySegment[] {elementwise.combine(verdict.getRound(), shard, sums)};
      coefficients = new float[] {1 - verdict.getMomentumBeta()};
    } else {
      final List<Row> rows = rowsOf(phase, shard);
      combined = array(sums);
      coefficients = new float[rows.size()];
      for (int i = 0; i < coefficients.length; i++) {
        coefficients[i] = coefficient(verdict, shard, rows.get(i));
      }
    }
    kernels.combine(
        update,
        shard.travelsAs(updateType),
        combined,
        coefficients,
        momentum,
        verdict.getMomentumBeta(),
        shard.buffer() ? 1 : verdict.getOutputScale(),
        shard.length());
  }

  private float coefficient(Verdict verdict, Shard shard, Row row) {
    if (shard.buffer()) {
      final int learners = verdict.getScalarized() ? 1 : manifest.learnersOf(shard).size();
      return (float) (1.0 / ((long) slots.of(row.task()) * learners));
    }
    if (verdict.getScalarized()) {
      return verdict.getScalarizedCoefficient();
    }
    return shard.shared()
        ? verdict.getSharedCoefficients(row.task() * groups + row.group())
        : verdict.getOwnCoefficients(row.task());
  }

  private static Calibration calibrationOf(Verdict.Calibration record) {
    return new Calibration(
        toArray(record.getKeepList()),
        toArray(record.getTakeList()),
        toArray(record.getDirectList()),
        toArray(record.getRememberedList()));
  }

  private static double[] toArray(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private List<MemorySegment> sums(Phase phase, Shard shard) {
    return rowsOf(phase, shard).stream().map(row -> sum(phase, shard, row)).toList();
  }

  private MemorySegment sum(Phase phase, Shard shard, Row row) {
    return vectors.vector(sumId(phase, shard, row), shard.length());
  }

  private MemorySegment vector(int kind, Shard shard, Row row) {
    return vectors.vector(id(kind, shard, row), shard.length());
  }

  private @Nullable MemorySegment momentumOf(Shard shard) {
    return integratesMomentum && !shard.buffer()
        ? vectors.vector(momentumId(shard), shard.length())
        : null;
  }

  private VectorId sumId(Phase phase, Shard shard, Row row) {
    return phase.scalarized()
        ? new VectorId(SUMMED + (int) (phase.round() & 1), shard.index())
        : id((int) (phase.joint() & 1), shard, row);
  }

  private VectorId id(int kind, Shard shard, Row row) {
    final int place = shard.index() * manifest.tasks().size() + row.task();
    return new VectorId(kind, place * groups + row.group());
  }

  private static VectorId momentumId(Shard shard) {
    return new VectorId(MOMENTUM, shard.index());
  }
}
