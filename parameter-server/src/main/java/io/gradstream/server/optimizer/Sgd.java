package io.gradstream.server.optimizer;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.SgdStep;
import io.gradstream.proto.spec.Param;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Stochastic gradient descent, with classical momentum where asked for.
 *
 * <p>{@code g = u + weightDecay*theta; velocity = momentum*velocity + g; theta -= rate*velocity},
 * the form of {@code torch.optim.SGD} without dampening.
 */
final class Sgd implements Optimizer {
  /**
   * @param momentum decay of the velocity; 0 keeps none
   */
  record Options(
      @Param(value = "step size", min = 0) double learningRate,
      @Param(value = "L2 penalty added to the gradient", defaultValue = "0", min = 0)
          double weightDecay,
      @Param(
              value = "decay of the velocity; leave 0 where momentum is integrated",
              defaultValue = "0",
              min = 0,
              max = 1,
              exclusiveMax = true)
          double momentum) {}

  private final Options options;
  private final Kernels kernels;

  Sgd(Options options, Kernels kernels) {
    this.options = options;
    this.kernels = kernels;
  }

  @Override
  public int stateVectors() {
    return options.momentum() > 0 ? 1 : 0;
  }

  @Override
  public boolean tensorWise() {
    return false;
  }

  @Override
  public void step(List<Piece> pieces, long round, double factor) {
    final var step =
        new SgdStep(
            (float) (options.learningRate() * factor),
            (float) options.weightDecay(),
            (float) options.momentum());
    for (final Piece piece : pieces) {
      final @Nullable MemorySegment velocity =
          options.momentum() > 0 ? piece.state().getFirst() : null;
      kernels.sgd(
          piece.weights(), piece.update(), piece.updateType(), velocity, step, piece.length());
    }
  }
}
