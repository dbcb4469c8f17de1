package io.gradstream.arbitrator.round;

import io.gradstream.proto.spec.Momentum;
import io.gradstream.proto.spec.RunSpec;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of a unified gradient u of norm |u| on its way to the optimizer: {@code m = beta*m +
 * (1-beta)*u}, the bias correction {@code 1/(1-beta^t)}, and clipping by the global norm. In pure
 * mode beta is 0 and nothing is corrected.
 *
 * @param beta decay of the momentum, 0 in pure mode
 * @param correction 1 - beta^t, or 1
 * @param clip factor of the clipping, at most 1
 * @param norm of what the optimizer gets, after clipping
 */
record ClippedMomentum(double beta, double correction, double clip, double norm) {

  /** |beta*m + (1-beta)*u|^2 from inner products; rounding may not make it negative. */
  static double squaredNorm(double beta, double momentum, double withMomentum, double unified) {
    final double rest = 1 - beta;
    return Math.max(
        0, beta * beta * momentum + 2 * beta * rest * withMomentum + rest * rest * unified);
  }

  static double beta(RunSpec spec) {
    return spec.momentum().mode() == Momentum.Mode.INTEGRATED ? spec.momentum().beta() : 0;
  }

  /**
   * @param squared squared norm of the momentum after the round
   * @param steps how many came before
   */
  static ClippedMomentum of(RunSpec spec, double squared, long steps) {
    final double beta = beta(spec);
    final double correction = 1 - StrictMath.pow(beta, steps + 1.0);
    final double norm = Math.sqrt(squared) / correction;
    final @Nullable Double limit = spec.clipNorm();
    final double clip = limit == null || norm <= limit ? 1 : limit / norm;
    return new ClippedMomentum(beta, correction, clip, norm * clip);
  }

  /** Factor from the momentum to what the optimizer gets. */
  float outputScale() {
    return (float) (clip / correction);
  }
}
