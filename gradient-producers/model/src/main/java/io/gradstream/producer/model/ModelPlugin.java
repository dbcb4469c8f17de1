package io.gradstream.producer.model;

import io.gradstream.proto.spec.plugin.Plugin;

/**
 * A kind of model from a jar.
 *
 * @param <R> the options
 */
public interface ModelPlugin<R extends Record> extends Plugin<R, ModelType> {
  @Override
  default String section() {
    return "model";
  }
}
