package io.gradstream.producer.loss;

import io.gradstream.proto.spec.plugin.Plugin;

/**
 * A loss of {@code mae}, from a jar.
 *
 * @param <R> the options
 */
public interface ReconstructionLossPlugin<R extends Record> extends Plugin<R, ReconstructionLoss> {
  @Override
  default String section() {
    return "tasks.loss";
  }
}
