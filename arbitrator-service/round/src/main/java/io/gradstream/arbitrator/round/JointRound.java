package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The numbers of a joint round, turned from sums over slots into accumulated, loss-weighted and
 * calibrated gradients: task i's scale is its loss weight over its slots.
 *
 * @param statistics what the resolver sees of it
 * @param momentum N inner products with the momentum, over the shared parameters
 * @param ownSquared N squared norms over each task's own parameters
 * @param ownMomentum N inner products with the momentum over each task's own parameters
 * @param momentumSquared squared norm of the momentum over all parameters
 * @param calibration the calibration that the verdict tells the partitions; null where they compute
 *     it themselves
 */
record JointRound(
    RoundStatistics statistics,
    double[] momentum,
    double[] ownSquared,
    double[] ownMomentum,
    double momentumSquared,
    @Nullable Calibration calibration) {

  /**
   * @param phase the round's number, and how many rounds before were joint
   * @param losses N loss-weighted losses
   * @param seed the run's
   */
  static JointRound of(
      RoundTotals totals,
      double[] scales,
      Calibrator calibrator,
      Phase phase,
      double[] losses,
      long seed) {
    final double[][] rows = scaled(totals.gram(), scales);
    final double[] momentum = scaled(totals.momentum(), scales);
    final int tasks = scales.length;
    final double[] ownSquared = totals.ownSquared();
    Arrays.setAll(ownSquared, task -> scales[task] * scales[task] * ownSquared[task]);
    final double[] ownMomentum = scaled(totals.ownMomentum(), scales);
    if (!calibrator.needsNorms()) {
      final double[][] cross = scaled(totals.cross(), scales);
      return new JointRound(
          new RoundStatistics(phase.round(), tasks, rows, cross, losses, seed),
          momentum,
          ownSquared,
          ownMomentum,
          totals.momentumSquared(),
          null);
    }
    // Rows are the gradients and then the memories, which are the gradients of the round before.
    final double[] norms = new double[tasks];
    Arrays.setAll(norms, task -> Math.sqrt(rows[task][task]));
    final Calibration numbers = calibrator.calibrate(phase.joint(), norms, losses);
    final double[] calibrated = new double[tasks];
    Arrays.setAll(
        calibrated,
        task ->
            numbers.ofGradient(task) * momentum[task]
                + numbers.ofMemory(task) * momentum[tasks + task]);
    return new JointRound(
        new RoundStatistics(
            phase.round(), tasks, numbers.gram(rows), numbers.withMemories(rows), losses, seed),
        calibrated,
        ownSquared,
        ownMomentum,
        totals.momentumSquared(),
        numbers);
  }

  private static double[][] scaled(double[][] products, double[] scales) {
    for (int i = 0; i < products.length; i++) {
      for (int j = 0; j < products.length; j++) {
        products[i][j] *= scales[i % scales.length] * scales[j % scales.length];
      }
    }
    return products;
  }

  private static double[] scaled(double[] products, double[] scales) {
    Arrays.setAll(products, i -> products[i] * scales[i % scales.length]);
    return products;
  }

  /** |beta*m + (1-beta)*u|^2 over shared and own parameters, where u = sum_i w_i g_i. */
  double squaredNormAfter(double[] weights, double beta) {
    double squared = 0;
    double withMomentum = 0;
    for (int i = 0; i < weights.length; i++) {
      for (int j = 0; j < weights.length; j++) {
        squared += weights[i] * weights[j] * statistics.gram()[i][j];
      }
      squared += ownSquared[i];
      withMomentum += weights[i] * momentum[i] + ownMomentum[i];
    }
    return ClippedMomentum.squaredNorm(beta, momentumSquared, withMomentum, squared);
  }
}
