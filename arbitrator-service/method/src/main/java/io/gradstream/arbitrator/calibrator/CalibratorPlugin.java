package io.gradstream.arbitrator.calibrator;

import io.gradstream.proto.spec.plugin.Plugin;

/**
 * A calibrator from a jar.
 *
 * @param <R> the options
 */
public interface CalibratorPlugin<R extends Record> extends Plugin<R, Calibrator> {
  @Override
  default String section() {
    return "calibrator";
  }
}
