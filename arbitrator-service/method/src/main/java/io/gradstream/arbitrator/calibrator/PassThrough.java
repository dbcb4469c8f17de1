package io.gradstream.arbitrator.calibrator;

/** {@code none}: gradients pass as they are. */
final class PassThrough implements Calibrator {

  @Override
  public boolean remembers() {
    return false;
  }

  @Override
  public boolean needsNorms() {
    return false;
  }

  @Override
  public Calibration calibrate(long round, double[] norms, double[] losses) {
    return Calibration.alike(losses.length, 0, 0, 1, 0);
  }
}
