package io.gradstream.audit.rounds;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.run.RunDescription;

/**
 * Which kernels a recalculation computes with; the bits are the same.
 *
 * <p>The Vector API is slow until the compiler has got round to it, for some seconds. A
 * recalculation of a few gigabytes is over by then: there the plain loops win.
 */
final class RecalculationKernels {
  private static final double WORTH_WARMING_UP = 8e9;

  private RecalculationKernels() {}

  static Kernels of(RunDescription run) {
    final double bytes =
        (double) run.spec().rounds()
            * run.slots()
            * run.manifest().tasks().size()
            * run.manifest().size()
            * Float.BYTES;
    return bytes < WORTH_WARMING_UP ? Kernels.scalar() : Kernels.best();
  }
}
