package io.gradstream.producer.loss;

import io.gradstream.proto.spec.plugin.Plugin;

/**
 * A loss of {@code toy}, from a jar: makes, of its options, what makes the objective once the model
 * is known.
 *
 * @param <R> the options
 */
public interface ObjectivePlugin<R extends Record> extends Plugin<R, Objectives.Factory> {
  @Override
  default String section() {
    return "tasks.loss";
  }
}
