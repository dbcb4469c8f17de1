package io.gradstream.producer.loss;

import io.gradstream.proto.spec.plugin.Plugin;

/**
 * A loss of an output of a {@code torchscript} model, from a jar.
 *
 * @param <R> the options
 */
public interface OutputLossPlugin<R extends Record> extends Plugin<R, OutputLoss> {
  @Override
  default String section() {
    return "tasks.loss";
  }
}
