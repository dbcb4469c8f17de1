package io.gradstream.arbitrator.calibrator;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
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
 *
 * <p>With {@code beta-schedule: optimal} each gradient gets in each round the beta that makes its
 * calibrated gradient's expected squared distance from the true gradient smallest, which is what
 * the paper's optimal beta (Eq. 9) is for. As m = g - beta d with d = (1 - gamma) g - s, and as the
 * old s knows nothing of the noise in g, that distance is V - 2 beta (1 - gamma) V + beta^2 |d|^2,
 * V the variance of g; hence beta = (1 - gamma) V / |d|^2. |d|^2 comes from inner products, V from
 * the round's own micro-batches, and beta is kept between 0 and the option {@code beta}. Where
 * gradients have no noise it is 0, and they pass unchanged, in round 0 as in any other. There is no
 * public code of it.
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
    EXPONENTIAL,
    OPTIMAL
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
                      + " exponential, 1 - beta by equal factors; optimal, to each gradient's own"
                      + " best in each round, at most beta",
              defaultValue = "linear")
          Schedule betaSchedule,
      @Param(
              value =
                  "the average begins at zero, at the first-gradient, or at zero and is"
                      + " bias-corrected",
              defaultValue = "zero")
          Start start) {

    Options {
      if (betaSchedule == Schedule.OPTIMAL && finalBeta != null) {
        throw new SpecError(
            "final-beta", "beta-schedule optimal moves beta by itself; leave it out");
      }
      if (betaSchedule == Schedule.OPTIMAL && start == Start.BIAS_CORRECTED) {
        throw new SpecError(
            "start",
            "beta-schedule optimal has little bias to correct; take zero or first-gradient");
      }
    }

    double betaAt(long round) {
      if (finalBeta == null) {
        return beta;
      }
      double share = Math.min(1.0, (double) round / betaRounds);
      return switch (betaSchedule) {
        case LINEAR -> beta + (finalBeta - beta) * share;
        case COSINE -> beta + (finalBeta - beta) * (1 - StrictMath.cos(Math.PI * share)) / 2;
        case OPTIMAL -> beta;
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
    return options.betaSchedule() == Schedule.OPTIMAL;
  }

  @Override
  public boolean remembersGradients() {
    return false;
  }

  @Override
  public boolean readsVariance() {
    return needsNorms();
  }

  @Override
  public Calibration calibrate(RowNumbers rows) {
    if (options.betaSchedule() != Schedule.OPTIMAL) {
      return calibrate(rows.round(), rows.norms(), rows.losses());
    }
    double rest = 1 - options.gamma();
    var calibration = Calibration.alike(rows.norms().length, 0, rest, options.gamma(), 1);
    if (options.start() == Start.FIRST_GRADIENT && rows.round() == 0) {
      return calibration;
    }
    for (int row = 0; row < rows.norms().length; row++) {
      double beta = best(rows, row, rest);
      calibration.keep()[row] = beta;
      calibration.take()[row] = (1 - beta) * rest;
    }
    return calibration;
  }

  /** The beta of the smallest expected distance, from 0 to the option. */
  private double best(RowNumbers rows, int row, double rest) {
    double norm = rest * rows.norms()[row];
    double squared = norm * norm - 2 * rest * rows.withMemory()[row] + rows.memorySquared()[row];
    double best = rest * rows.variance()[row] / squared;
    return squared > 0 && best > 0 ? Math.min(best, options.beta()) : 0;
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
