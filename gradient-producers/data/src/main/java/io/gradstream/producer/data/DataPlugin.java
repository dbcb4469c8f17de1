package io.gradstream.producer.data;

import io.gradstream.proto.spec.plugin.Plugin;

/**
 * A source of images from a jar: reads them when it makes them. {@link ImageData#of} measures their
 * mean and deviation.
 *
 * @param <R> the options
 */
public interface DataPlugin<R extends Record> extends Plugin<R, ImageData> {
  @Override
  default String section() {
    return "data";
  }
}
