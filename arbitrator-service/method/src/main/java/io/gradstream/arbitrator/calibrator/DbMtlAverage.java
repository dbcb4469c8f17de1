package io.gradstream.arbitrator.calibrator;

import io.gradstream.proto.spec.Param;

/**
 * DB-MTL's average of the gradients of the losses' logarithms (Lin et al. 2023, arXiv:2308.12029,
 * section 3.1 and Eq. 4; checked against LibMTL's DB_MTL): h = g / (L + floor), y = b y + (1 - b)
 * h, b = beta / t^sigma, t the round number from 1; the calibrated gradient is y. For use with the
 * resolver {@code db-mtl}.
 *
 * <p>As published y starts at 0 without correction: with sigma 0 the first update has a share 1 - b
 * of its length, a tenth by default. At a loss near 0 its task's gradient grows without bound, and
 * the resolver stretches the others to it: a larger floor ends that. A negative loss has no
 * logarithm: its gradient is taken as it is.
 */
final class DbMtlAverage implements Calibrator {
  /** Options of the calibrator {@code db-mtl}. */
  record Options(
      @Param(
              value = "share of the old average",
              defaultValue = "0.9",
              min = 0,
              max = 1,
              exclusiveMax = true)
          double beta,
      @Param(
              value = "power sigma of the round number that beta is divided by",
              defaultValue = "0.0",
              min = 0)
          double betaSigma,
      @Param(
              value = "added to the loss that a gradient is divided by",
              defaultValue = "1e-8",
              min = 0,
              exclusiveMin = true)
          double floor) {}

  private final Options options;

  DbMtlAverage(Options options) {
    this.options = options;
  }

  @Override
  public boolean remembers() {
    return true;
  }

  /** True because of the losses, which are known no earlier than the norms. */
  @Override
  public boolean needsNorms() {
    return true;
  }

  @Override
  public Calibration calibrate(long round, double[] norms, double[] losses) {
    double beta = options.beta() / StrictMath.pow(round + 1.0, options.betaSigma());
    var calibration = Calibration.alike(losses.length, beta, 0, 0, 1);
    for (int i = 0; i < losses.length; i++) {
      calibration.take()[i] =
          losses[i] >= 0 ? (1 - beta) / (losses[i] + options.floor()) : 1 - beta;
    }
    return calibration;
  }
}
