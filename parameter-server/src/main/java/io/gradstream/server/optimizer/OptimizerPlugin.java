package io.gradstream.server.optimizer;

import io.gradstream.proto.spec.plugin.Plugin;

/**
 * An optimizer from a jar: makes, of its options, what makes the optimizer once kernels and the
 * place of the momentum are known.
 *
 * @param <R> the options
 */
public interface OptimizerPlugin<R extends Record> extends Plugin<R, Optimizers.Factory> {
  @Override
  default String section() {
    return "optimizer";
  }
}
