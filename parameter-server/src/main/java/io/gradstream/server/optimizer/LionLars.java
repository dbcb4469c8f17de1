package io.gradstream.server.optimizer;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.spec.Param;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * GCond's "Lion": the sign of the bias-corrected momentum, scaled per tensor as in LARS.
 *
 * <p>{@code theta = theta - rate * c * sign(u)}, where {@code c = trustCoefficient * min(trustClip,
 * |theta|/|u|)}, and the ratio is 1 where either norm is below eps. It is no Lion in the sense of
 * Chen et al. 2023, which interpolates with two betas. Source: AlevLab-dev/GCond, {@code
 * GradientConductor._momentum_update}.
 */
final class LionLars implements Optimizer {
  /**
   * The public code multiplies every step by 1e-4 besides. With the paper's rate of 1e-5 weights
   * would then move by 1e-9 and, in float32, mostly not at all; so the default here is 1.
   */
  record Options(
      @Param(value = "step size", min = 0) double learningRate,
      @Param(
              value = "multiplies every step (public code: 1e-4)",
              defaultValue = "1",
              min = 0,
              exclusiveMin = true)
          double trustCoefficient,
      @Param(
              value = "largest ratio of a tensor's norm to its momentum's",
              defaultValue = "100",
              min = 0,
              exclusiveMin = true)
          double trustClip,
      @Param(value = "decoupled weight decay", defaultValue = "0", min = 0) double weightDecay,
      @Param(value = "norms below it give the ratio 1", defaultValue = "1e-8", min = 0)
          double eps) {}

  private final Options options;
  private final Kernels kernels;

  LionLars(Options options, Kernels kernels) {
    this.options = options;
    this.kernels = kernels;
  }

  @Override
  public int stateVectors() {
    return 0;
  }

  @Override
  public boolean tensorWise() {
    return true;
  }

  @Override
  public void step(List<Piece> pieces, long round, double factor) {
    final double rate = options.learningRate() * factor;
    for (int first = 0; first < pieces.size(); ) {
      final int tensor = pieces.get(first).tensor();
      int end = first;
      while (end < pieces.size() && pieces.get(end).tensor() == tensor) {
        end++;
      }
      step(pieces.subList(first, end), rate);
      first = end;
    }
  }

  private void step(List<Piece> tensor, double rate) {
    final double weights =
        norm(
            tensor,
            piece -> kernels.squaredNorm(piece.weights(), ValueType.FLOAT32, piece.length()));
    final double update =
        norm(
            tensor,
            piece -> kernels.squaredNorm(piece.update(), piece.updateType(), piece.length()));
    final double ratio =
        weights < options.eps() || update < options.eps()
            ? 1
            : Math.min(options.trustClip(), weights / update);
    final float step = (float) (rate * options.trustCoefficient() * ratio);
    final float decay = (float) (1 - rate * options.weightDecay());
    for (final Piece piece : tensor) {
      kernels.signStep(
          piece.weights(), piece.update(), piece.updateType(), step, decay, piece.length());
    }
  }

  private static double norm(List<Piece> tensor, ToDoubleFunction<Piece> squared) {
    return Math.sqrt(tensor.stream().mapToDouble(squared).sum());
  }
}
