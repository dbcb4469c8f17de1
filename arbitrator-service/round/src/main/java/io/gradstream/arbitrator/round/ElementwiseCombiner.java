package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Runs a method that decides element by element over a shard, a block of values at a time. */
final class ElementwiseCombiner {
  private static final int BLOCK = 4096;

  private final ElementwiseResolver method;
  private final long seed;
  private final double[] scales;

  ElementwiseCombiner(RunSpec spec, ElementwiseResolver method) {
    this.method = method;
    this.seed = spec.seed();
    this.scales = scales(spec);
  }

  /**
   * The factors from sums over slots to accumulated, loss-weighted gradients: a task's weight
   * divided by its slots.
   */
  static double[] scales(RunSpec spec) {
    final int slots = spec.accumulation().slots(spec.tasks().size());
    return spec.tasks().stream().mapToDouble(TaskSpec::weight).map(w -> w / slots).toArray();
  }

  /** The unified gradient of a shard, in float32. */
  MemorySegment combine(long round, Shard shard, List<MemorySegment> sums) {
    final MemorySegment unified = MemorySegment.ofArray(new float[shard.length()]);
    for (int start = 0; start < shard.length(); start += BLOCK) {
      final int length = Math.min(BLOCK, shard.length() - start);
      final double[][] gradients = new double[sums.size()][length];
      for (int task = 0; task < gradients.length; task++) {
        for (int i = 0; i < length; i++) {
          gradients[task][i] =
              scales[task] * sums.get(task).get(ValueType.FLOAT, (long) (start + i) * Float.BYTES);
        }
      }
      final double[] update = new double[length];
      method.combine(seed, round, shard.offset() + start, gradients, update);
      for (int i = 0; i < length; i++) {
        unified.set(ValueType.FLOAT, (long) (start + i) * Float.BYTES, (float) update[i]);
      }
    }
    return unified;
  }
}
