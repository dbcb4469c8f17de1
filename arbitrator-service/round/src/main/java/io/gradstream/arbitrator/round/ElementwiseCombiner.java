package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.GroupStatistics;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSlots;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Runs a method that decides element by element over a shard, a block of values at a time. With
 * groups it decides for each of them, and the mean of the answers over the slots is combined.
 */
final class ElementwiseCombiner {
  private static final int BLOCK = 4096;

  private final ElementwiseResolver method;
  private final long seed;
  private final TaskSlots slots;
  private final double[] rowScales;

  ElementwiseCombiner(RunSpec spec, ElementwiseResolver method) {
    this.method = method;
    this.seed = spec.seed();
    this.slots = spec.slots();
    this.rowScales = JointRound.rowScales(spec);
  }

  /**
   * The factors from sums over slots to accumulated, loss-weighted gradients: a task's weight
   * divided by its slots.
   */
  static double[] scales(RunSpec spec) {
    final TaskSlots slots = spec.slots();
    final double[] scales = new double[spec.tasks().size()];
    Arrays.setAll(scales, task -> spec.tasks().get(task).weight() / slots.of(task));
    return scales;
  }

  /**
   * The unified gradient of a shard, in float32.
   *
   * @param sums the shard's rows, task by task, group by group
   */
  MemorySegment combine(long round, Shard shard, List<MemorySegment> sums) {
    final MemorySegment unified = MemorySegment.ofArray(new float[shard.length()]);
    for (int start = 0; start < shard.length(); start += BLOCK) {
      final int length = Math.min(BLOCK, shard.length() - start);
      final double[] update = new double[length];
      for (int group = 0; group < slots.groups(); group++) {
        final double[] answer = new double[length];
        method.combine(
            GroupStatistics.seedOf(seed, group),
            round,
            shard.offset() + start,
            gradients(sums, group, start, length),
            answer);
        for (int i = 0; i < length; i++) {
          final double part = slots.share(group) * answer[i];
          update[i] = group == 0 ? part : update[i] + part;
        }
      }
      for (int i = 0; i < length; i++) {
        unified.set(ValueType.FLOAT, (long) (start + i) * Float.BYTES, (float) update[i]);
      }
    }
    return unified;
  }

  private double[][] gradients(List<MemorySegment> sums, int group, int start, int length) {
    final double[][] gradients = new double[sums.size() / slots.groups()][length];
    for (int task = 0; task < gradients.length; task++) {
      final int row = task * slots.groups() + group;
      for (int i = 0; i < length; i++) {
        gradients[task][i] =
            rowScales[row] * sums.get(row).get(ValueType.FLOAT, (long) (start + i) * Float.BYTES);
      }
    }
    return gradients;
  }
}
