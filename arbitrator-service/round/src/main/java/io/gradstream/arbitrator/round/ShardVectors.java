package io.gradstream.arbitrator.round;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
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
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The vectors of a partition's shards and what is done to them, all in place.
 *
 * <p>Per shard and task that touches it: the sum of this round's slots and that of the joint round
 * before, which change places with each joint round, so that nothing is copied; with a calibrator,
 * its memory. Per shard: the momentum, where it is integrated, and the sums of rounds that are not
 * joint. Sums are neither divided by the slots nor multiplied by the loss weights; the verdict's
 * coefficients do both.
 *
 * <p>Calibration concerns shared parameters, as resolution does. A calibrator that needs the norms
 * of the whole round has to wait for the verdict; until then the inner products are those of
 * gradients and memories side by side.
 */
final class ShardVectors {
  private static final int MOMENTUM = 2;
  private static final int MEMORY = 3;
  private static final int SUMMED = 4;

  /** Memories as they were before the round, where one may be skipped after they have moved. */
  private static final int MEMORY_BEFORE = 6;

  private final Manifest manifest;
  private final ValueType updateType;
  private final boolean integratesMomentum;
  private final boolean undoes;
  private final Calibrator calibrator;
  private final @Nullable ElementwiseCombiner elementwise;
  private final Kernels kernels;
  private final NamedVectors vectors;

  ShardVectors(RunSpec spec, Manifest manifest, Kernels kernels, NamedVectors vectors) {
    this.manifest = manifest;
    this.kernels = kernels;
    this.vectors = vectors;
    this.updateType = spec.transport().valueType();
    this.integratesMomentum = spec.momentum().mode() == Momentum.Mode.INTEGRATED;
    this.calibrator = Calibrators.create(spec.calibrator());
    this.undoes =
        spec.onDivergence() == OnDivergence.SKIP_ROUND
            && calibrator.remembers()
            && !calibrator.needsNorms();
    final Resolver resolver = Resolvers.create(spec.resolver());
    this.elementwise =
        resolver instanceof ElementwiseResolver method
            ? new ElementwiseCombiner(spec, method)
            : null;
  }

  /** Bytes of all vectors of a partition's shards. */
  long bytes(List<Shard> shards, boolean selective) {
    long values = 0;
    for (final Shard shard : shards) {
      final int tasks = shard.shared() ? manifest.tasks().size() : 1;
      final int ofTask = calibrator.remembers() ? undoes ? 2 : 1 : 0;
      final int memories = shard.shared() ? ofTask * tasks : 0;
      final int others = (integratesMomentum ? 1 : 0) + (selective ? 2 : 0);
      values += (long) shard.length() * (2 * tasks + memories + others);
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

  /** Adds a slot to its task's sum, or begins the sum with it. */
  void add(
      Phase phase, Shard shard, int task, boolean first, MemorySegment values, ValueType type) {
    final MemorySegment sum = sum(phase, shard, task);
    if (first) {
      kernels.set(sum, values, type, shard.length());
    } else {
      kernels.add(sum, values, type, shard.length());
    }
    vectors.changed(sumId(phase, shard, task));
  }

  /**
   * Calibrates a shard whose sums are complete, unless that has to wait for the verdict.
   *
   * @return the squared norms of the sums before calibration; empty if the sums did not change
   */
  double[] calibrate(Phase phase, Shard shard) {
    if (!shard.shared()
        || phase.scalarized()
        || !calibrator.remembers()
        || calibrator.needsNorms()) {
      return new double[0];
    }
    final double[] squared =
        sums(phase, shard).stream()
            .mapToDouble(sum -> kernels.squaredNorm(sum, ValueType.FLOAT32, shard.length()))
            .toArray();
    if (undoes) {
      tasksOf(phase, shard).forEach(task -> copy(shard, task, MEMORY, MEMORY_BEFORE));
    }
    final double[] unread = new double[squared.length];
    calibrate(phase, shard, calibrator.calibrate(phase.joint(), unread, unread));
    return squared;
  }

  /** Takes back what calibrating a shard of a round that is skipped did to the memories. */
  void undoCalibration(Phase phase, Shard shard) {
    if (undoes && shard.shared() && !phase.scalarized()) {
      tasksOf(phase, shard).forEach(task -> copy(shard, task, MEMORY_BEFORE, MEMORY));
    }
  }

  private void copy(Shard shard, int task, int from, int to) {
    kernels.set(
        vector(to, shard, task), vector(from, shard, task), ValueType.FLOAT32, shard.length());
    vectors.changed(id(to, shard, task));
  }

  private void calibrate(Phase phase, Shard shard, Calibration calibration) {
    for (final int task : tasksOf(phase, shard)) {
      final MemorySegment sum = sum(phase, shard, task);
      final MemorySegment memory = vector(MEMORY, shard, task);
      final float direct = (float) calibration.direct()[task];
      final float remembered = (float) calibration.remembered()[task];
      final MemorySegment newMemory = scratch(shard);
      kernels.combine(
          newMemory,
          ValueType.FLOAT32,
          new MemorySegment[] {sum},
          new float[] {(float) calibration.take()[task]},
          memory,
          (float) calibration.keep()[task],
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
      vectors.changed(sumId(phase, shard, task));
      vectors.changed(id(MEMORY, shard, task));
    }
  }

  private MemorySegment scratch(Shard shard) {
    return MemorySegment.ofArray(new float[shard.length()]);
  }

  /** Inner products of a shard whose sums are complete. */
  InnerProducts innerProducts(Phase phase, Shard shard) {
    final List<MemorySegment> rows = new ArrayList<>(sums(phase, shard));
    final boolean memories = shard.shared() && !phase.scalarized() && calibrator.needsNorms();
    if (memories) {
      tasksOf(phase, shard).forEach(task -> rows.add(vector(MEMORY, shard, task)));
    }
    final List<MemorySegment> previous =
        phase.joint() == 0 || phase.scalarized() || memories
            ? List.of()
            : sums(new Phase(phase.round() - 1, phase.joint() - 1, RoundKind.EACH_TASK), shard);
    return kernels.innerProducts(
        rows.toArray(MemorySegment[]::new),
        previous.toArray(MemorySegment[]::new),
        momentumOf(shard),
        shard.length());
  }

  /**
   * The update record of a shard, as the verdict asks for it; moves the momentum. That of a skipped
   * round is zero and moves nothing.
   *
   * @param digest of the verdict
   */
  byte[] combine(Phase phase, Shard shard, Verdict verdict, ByteString digest) {
    if (verdict.getSkipped()) {
      return UpdateRecord.skipped(manifest, shard, verdict.getRound(), updateType, digest);
    }
    if (shard.shared() && verdict.hasCalibration()) {
      calibrate(phase, shard, calibrationOf(verdict.getCalibration()));
    }
    final MemorySegment momentum = momentumOf(shard);
    final var record = new UpdateRecord(manifest, shard, verdict.getRound(), updateType, digest);
    combine(phase, shard, verdict, momentum, record.values());
    if (momentum != null) {
      vectors.changed(momentumId(shard));
    }
    return record.sealed();
  }

  /** The update record of a closed round once more, with the same bits. */
  byte[] repeat(Phase phase, Shard shard, Verdict verdict, ByteString digest) {
    if (verdict.getSkipped()) {
      return UpdateRecord.skipped(manifest, shard, verdict.getRound(), updateType, digest);
    }
    final MemorySegment momentum = momentumOf(shard);
    final var record = new UpdateRecord(manifest, shard, verdict.getRound(), updateType, digest);
    if (momentum == null) {
      combine(phase, shard, verdict, null, record.values());
    } else {
      kernels.scale(
          record.values(), updateType, momentum, verdict.getOutputScale(), shard.length());
    }
    return record.sealed();
  }

  private void combine(
      Phase phase,
      Shard shard,
      Verdict verdict,
      @Nullable MemorySegment momentum,
      MemorySegment update) {
    final List<MemorySegment> sums = sums(phase, shard);
    final MemorySegment[] rows;
    final float[] coefficients;
    if (shard.shared() && elementwise != null && !phase.scalarized()) {
      rows = new MemorySegment[] {elementwise.combine(verdict.getRound(), shard, sums)};
      coefficients = new float[] {1 - verdict.getMomentumBeta()};
    } else {
      final List<Integer> tasks = tasksOf(phase, shard);
      rows = sums.toArray(MemorySegment[]::new);
      coefficients = new float[tasks.size()];
      for (int i = 0; i < coefficients.length; i++) {
        coefficients[i] = coefficient(verdict, shard, tasks.get(i));
      }
    }
    kernels.combine(
        update,
        updateType,
        rows,
        coefficients,
        momentum,
        verdict.getMomentumBeta(),
        verdict.getOutputScale(),
        shard.length());
  }

  private static float coefficient(Verdict verdict, Shard shard, int task) {
    if (verdict.getScalarized()) {
      return verdict.getScalarizedCoefficient();
    }
    return shard.shared() ? verdict.getSharedCoefficients(task) : verdict.getOwnCoefficients(task);
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
    return tasksOf(phase, shard).stream().map(task -> sum(phase, shard, task)).toList();
  }

  private MemorySegment sum(Phase phase, Shard shard, int task) {
    return vectors.vector(sumId(phase, shard, task), shard.length());
  }

  private MemorySegment vector(int kind, Shard shard, int task) {
    return vectors.vector(id(kind, shard, task), shard.length());
  }

  private @Nullable MemorySegment momentumOf(Shard shard) {
    return integratesMomentum ? vectors.vector(momentumId(shard), shard.length()) : null;
  }

  private VectorId sumId(Phase phase, Shard shard, int task) {
    return phase.scalarized()
        ? new VectorId(SUMMED + (int) (phase.round() & 1), shard.index())
        : id((int) (phase.joint() & 1), shard, task);
  }

  private VectorId id(int kind, Shard shard, int task) {
    return new VectorId(kind, shard.index() * manifest.tasks().size() + task);
  }

  private static VectorId momentumId(Shard shard) {
    return new VectorId(MOMENTUM, shard.index());
  }
}
