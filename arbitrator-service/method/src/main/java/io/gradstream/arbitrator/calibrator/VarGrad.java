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
 *
 * <p>From a start at zero the first calibrated gradient has a share gamma + (1 - beta)(1 - gamma)
 * of its length, 0.12 by default, which plain SGD feels. Two options of {@code start} end that.
 * {@code first-gradient} is the recursion from m = g: round 0 passes unchanged. {@code
 * bias-corrected} divides the average by what its weights of the gradients so far add up to, as
 * Adam does: with p the product of the betas so far, m = gamma g + s / (1 - p). In both, equal
 * gradients pass unchanged in every round.
 */
final class VarGrad implements Calibrator {

  /** What the average holds before the first round. */
  enum Start {
    ZERO,
    FIRST_GRADIENT,
    BIAS_CORRECTED
  }

  /** How beta moves to its final value. */
  enum Schedule {
    LINEAR,
    COSINE,
    EXPONENTIAL
  }

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
                  "beta is moved to this value over beta-rounds, as beta-schedule says; absent:"
                      + " beta stays",
              min = 0,
              max = 1,
              exclusiveMax = true)
          @Nullable Double finalBeta,
      @Param(value = "rounds in which beta moves to final-beta", defaultValue = "1000", min = 1)
          long betaRounds,
      @Param(
              value =
                  "how beta moves: linear, in equal steps; cosine, slowly at both ends;"
                      + " exponential, 1 - beta by equal factors",
              defaultValue = "linear")
          Schedule betaSchedule,
      @Param(
              value =
                  "the average begins at zero, at the first-gradient, or at zero and is"
                      + " bias-corrected",
              defaultValue = "zero")
          Start start) {

    double betaAt(long round) {
      if (finalBeta == null) {
        return beta;
      }
      double share = Math.min(1.0, (double) round / betaRounds);
      return switch (betaSchedule) {
        case LINEAR -> beta + (finalBeta - beta) * share;
        case COSINE -> beta + (finalBeta - beta) * (1 - StrictMath.cos(Math.PI * share)) / 2;
        case EXPONENTIAL -> 1 - (1 - beta) * StrictMath.pow((1 - finalBeta) / (1 - beta), share);
      };
    }

    /** The product of the betas of rounds 0 to this one: the share of a start at zero. */
    double rest(long round) {
      double rest = 1;
      for (long k = 0; k <= round && rest > NOTHING; k++) {
        rest *= betaAt(k);
      }
      return rest;
    }
  }

  /** A share that 1 is not changed by. */
  private static final double NOTHING = 1e-17;

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
    int tasks = losses.length;
    double take = (1 - beta) * (1 - gamma);
    return switch (options.start()) {
      case ZERO -> Calibration.alike(tasks, beta, take, gamma, 1);
      case FIRST_GRADIENT ->
          round == 0
              ? Calibration.alike(tasks, 0, 1 - gamma, gamma, 1)
              : Calibration.alike(tasks, beta, take, gamma, 1);
      case BIAS_CORRECTED ->
          Calibration.alike(tasks, beta, take, gamma, 1 / (1 - options.rest(round)));
    };
  }
}
