package io.gradstream.server.optimizer;

import io.gradstream.proto.kernels.AdamWStep;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.spec.Param;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * AdamW (Loshchilov and Hutter 2019, Algorithm 2).
 *
 * <p>With integrated momentum the incoming update is already the bias-corrected first moment; beta1
 * is then 0 and no first moment is kept, as GCond asks.
 */
final class AdamW implements Optimizer {
  /** Defaults are those of the paper's implementation. */
  record Options(
      @Param(value = "step size", min = 0) double learningRate,
      @Param(
              value = "decay of the first moment; 0 where momentum is integrated",
              defaultValue = "0.9",
              min = 0,
              max = 1,
              exclusiveMax = true)
          double beta1,
      @Param(
              value = "decay of the second moment",
              defaultValue = "0.999",
              min = 0,
              max = 1,
              exclusiveMax = true)
          double beta2,
      @Param(
              value = "added to the denominator",
              defaultValue = "1e-8",
              min = 0,
              exclusiveMin = true)
          double eps,
      @Param(value = "decoupled weight decay", defaultValue = "0.01", min = 0)
          double weightDecay) {}

  private final Options options;
  private final double beta1;
  private final Kernels kernels;

  AdamW(Options options, boolean integratedMomentum, Kernels kernels) {
    this.options = options;
    this.beta1 = integratedMomentum ? 0 : options.beta1();
    this.kernels = kernels;
  }

  @Override
  public int stateVectors() {
    return beta1 > 0 ? 2 : 1;
  }

  @Override
  public boolean tensorWise() {
    return false;
  }

  @Override
  public void step(List<Piece> pieces, long round, double factor) {
    final AdamWStep step =
        AdamWStep.of(
            options.learningRate() * factor,
            beta1,
            options.beta2(),
            options.eps(),
            options.weightDecay(),
            round + 1);
    for (final Piece piece : pieces) {
      final MemorySegment second = piece.state().getFirst();
      final @Nullable MemorySegment first = beta1 > 0 ? piece.state().getLast() : null;
      kernels.adamw(
          piece.weights(), piece.update(), piece.updateType(), first, second, step, piece.length());
    }
  }
}
