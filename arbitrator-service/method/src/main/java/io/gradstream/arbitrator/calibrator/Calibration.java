package io.gradstream.arbitrator.calibrator;

import java.util.Arrays;

/**
 * The numbers of one round's calibration. For task i with gradient g and memory s:
 *
 * <pre>
 * s  = keep[i] * s + take[i] * g
 * g' = direct[i] * g + remembered[i] * s     (with the new s)
 * </pre>
 *
 * @param keep N factors of the old memory
 * @param take N factors of the gradient in the memory
 * @param direct N factors of the gradient in the calibrated one
 * @param remembered N factors of the new memory in the calibrated one
 */
public record Calibration(double[] keep, double[] take, double[] direct, double[] remembered) {

  /** The same four numbers for all tasks. */
  public static Calibration alike(
      int tasks, double keep, double take, double direct, double remembered) {
    return new Calibration(
        filled(tasks, keep), filled(tasks, take), filled(tasks, direct), filled(tasks, remembered));
  }

  /** Calibrates a piece of one task's gradient in place and moves the same piece of its memory. */
  public void apply(int task, double[] gradient, double[] memory) {
    for (int d = 0; d < gradient.length; d++) {
      memory[d] = keep[task] * memory[d] + take[task] * gradient[d];
      gradient[d] = direct[task] * gradient[d] + remembered[task] * memory[d];
    }
  }

  /**
   * The Gram matrix of the calibrated gradients without touching a vector.
   *
   * @param joint 2N x 2N Gram matrix of the N gradients followed by the N old memories
   * @return N x N
   */
  public double[][] gram(double[][] joint) {
    int n = keep.length;
    double[][] gram = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        gram[i][j] =
            ofGradient(i) * ofGradient(j) * joint[i][j]
                + ofGradient(i) * ofMemory(j) * joint[i][n + j]
                + ofMemory(i) * ofGradient(j) * joint[n + i][j]
                + ofMemory(i) * ofMemory(j) * joint[n + i][n + j];
      }
    }
    return gram;
  }

  /**
   * Inner products of the calibrated gradients with the old memories.
   *
   * @param joint as for {@link #gram}
   * @return N x N, column j: old memory of task j
   */
  public double[][] withMemories(double[][] joint) {
    int n = keep.length;
    double[][] products = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        products[i][j] = ofGradient(i) * joint[i][n + j] + ofMemory(i) * joint[n + i][n + j];
      }
    }
    return products;
  }

  /** Factor of the gradient in the calibrated one, the way through the memory included. */
  public double ofGradient(int task) {
    return direct[task] + remembered[task] * take[task];
  }

  /** Factor of the old memory in the calibrated gradient. */
  public double ofMemory(int task) {
    return remembered[task] * keep[task];
  }

  private static double[] filled(int n, double value) {
    double[] filled = new double[n];
    Arrays.fill(filled, value);
    return filled;
  }
}
