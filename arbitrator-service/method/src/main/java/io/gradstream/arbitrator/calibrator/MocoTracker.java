package io.gradstream.arbitrator.calibrator;

import io.gradstream.proto.spec.Param;

/**
 * MoCo's tracker: a moving average of gradients that are normalised and multiplied by their loss
 * (Fernando et al. 2023, algorithm 1; checked against LibMTL's MoCo). y = y - beta / t^sigma (y - g
 * L / (|g| + 1e-8)), t the round number from 1; the calibrated gradient is y. For use with the
 * resolver {@code moco}.
 */
final class MocoTracker implements Calibrator {
  private static final double FLOOR = 1e-8;

  /** Options of the calibrator {@code moco}. */
  record Options(
      @Param(value = "step size beta of the average", defaultValue = "0.5", min = 0, max = 1)
          double beta,
      @Param(
              value = "power sigma of the round number that beta is divided by",
              defaultValue = "0.5",
              min = 0)
          double betaSigma) {}

  private final Options options;

  MocoTracker(Options options) {
    this.options = options;
  }

  @Override
  public boolean remembers() {
    return true;
  }

  @Override
  public boolean needsNorms() {
    return true;
  }

  @Override
  public Calibration calibrate(long round, double[] norms, double[] losses) {
    double step = options.beta() / StrictMath.pow(round + 1.0, options.betaSigma());
    var calibration = Calibration.alike(losses.length, 1 - step, 0, 0, 1);
    for (int i = 0; i < losses.length; i++) {
      calibration.take()[i] = step * losses[i] / (norms[i] + FLOOR);
    }
    return calibration;
  }
}
