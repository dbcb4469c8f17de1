package io.gradstream.arbitrator.calibrator;

import io.gradstream.proto.spec.Param;
import org.jspecify.annotations.Nullable;

/**
 * VarGrad: momentum of a gradient that is corrected by its own difference over time, against the
 * noise of mini-batches (VarGrad, Eq. 5 to 7; checked against singularity119/VarGrad).
 *
 * <p>As published, m = beta m + (1 - beta) c with c = g + gamma beta / (1 - beta) (g - g_prev),
 * from zero, and gamma = 1. Then m - g = beta (m_prev - g_prev): <b>at gamma = 1 and a zero start m
 * equals g for ever</b>, whatever beta is, and the method does nothing. So gamma is an option here
 * and its default, 0.025 as usual in MARS (arXiv:2411.10438), is not 1.
 *
 * <p>Collecting terms, m = gamma g + s with s = beta s + (1 - beta)(1 - gamma) g: a share gamma of
 * the raw gradient plus its moving average. That is the same recursion for any schedule of beta and
 * needs one memory s = m - gamma g instead of m and g_prev.
 */
final class VarGrad implements Calibrator {

  /** Options of {@code vargrad}. */
  record Options(
      @Param(
              value = "decay of the moving average",
              defaultValue = "0.9",
              min = 0,
              max = 1,
              exclusiveMax = true)
          double beta,
      @Param(
              value = "share of the raw gradient; 1, as published, changes nothing at all",
              defaultValue = "0.025",
              min = 0)
          double gamma,
      @Param(
              value =
                  "beta is moved to this value in equal steps over beta-rounds; absent: beta stays",
              min = 0,
              max = 1,
              exclusiveMax = true)
          @Nullable Double finalBeta,
      @Param(value = "rounds in which beta moves to final-beta", defaultValue = "1000", min = 1)
          long betaRounds) {

    double betaAt(long round) {
      return finalBeta == null
          ? beta
          : beta + (finalBeta - beta) * Math.min(1.0, (double) round / betaRounds);
    }
  }

  private final Options options;

  VarGrad(Options options) {
    this.options = options;
  }

  @Override
  public boolean remembers() {
    return true;
  }

  @Override
  public boolean needsNorms() {
    return false;
  }

  @Override
  public Calibration calibrate(long round, double[] norms, double[] losses) {
    double beta = options.betaAt(round);
    double gamma = options.gamma();
    return Calibration.alike(losses.length, beta, (1 - beta) * (1 - gamma), gamma, 1);
  }
}
