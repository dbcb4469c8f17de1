package io.gradstream.arbitrator.calibrator;

import io.gradstream.proto.spec.Param;

/**
 * MoCo's tracker: a moving average of the gradients (Fernando et al. 2023, algorithm 1; checked
 * against LibMTL's MoCo). y = y - beta / t^sigma (y - h), t the round number from 1; the calibrated
 * gradient is y. In the paper h is the gradient g (option {@code gradients: raw}); in LibMTL, and
 * by default, h = g L / (|g| + 1e-8). For use with the resolver {@code moco}.
 *
 * <p>The paper also projects y on a ball as large as the gradient's largest norm, which its theory
 * needs. An average of gradients of that norm never leaves the ball, so there is nothing to do
 * here.
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
          double betaSigma,
      @Param(
              value =
                  "what is averaged: gradients normalised and times their loss (LibMTL), or raw"
                      + " (paper)",
              defaultValue = "normalised")
          Gradients gradients) {}

  /** What is averaged. */
  enum Gradients {
    NORMALISED,
    RAW
  }

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
    return options.gradients() == Gradients.NORMALISED;
  }

  @Override
  public Calibration calibrate(long round, double[] norms, double[] losses) {
    double step = options.beta() / StrictMath.pow(round + 1.0, options.betaSigma());
    if (options.gradients() == Gradients.RAW) {
      return Calibration.alike(losses.length, 1 - step, step, 0, 1);
    }
    var calibration = Calibration.alike(losses.length, 1 - step, 0, 0, 1);
    for (int i = 0; i < losses.length; i++) {
      calibration.take()[i] = step * losses[i] / (norms[i] + FLOOR);
    }
    return calibration;
  }
}
