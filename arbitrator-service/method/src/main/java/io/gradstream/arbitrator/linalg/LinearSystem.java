package io.gradstream.arbitrator.linalg;

import org.jspecify.annotations.Nullable;

/** Small square systems without symmetry, by elimination with row exchanges. */
public final class LinearSystem {
  private static final double SMALLEST_PIVOT = 1e-13;

  private LinearSystem() {}

  /**
   * Solves matrix * x = right.
   *
   * @param matrix N x N, entries of about one size
   * @return null if the matrix is singular, up to rounding
   */
  public static double @Nullable [] solve(double[][] matrix, double[] right) {
    int n = right.length;
    double[][] rows = Matrices.copy(matrix);
    double[] x = right.clone();
    for (int column = 0; column < n; column++) {
      int pivot = column;
      for (int i = column + 1; i < n; i++) {
        if (Math.abs(rows[i][column]) > Math.abs(rows[pivot][column])) {
          pivot = i;
        }
      }
      if (!(Math.abs(rows[pivot][column]) > SMALLEST_PIVOT)) {
        return null;
      }
      double[] row = rows[pivot];
      rows[pivot] = rows[column];
      rows[column] = row;
      double value = x[pivot];
      x[pivot] = x[column];
      x[column] = value;
      for (int i = column + 1; i < n; i++) {
        double factor = rows[i][column] / row[column];
        for (int k = column; k < n; k++) {
          rows[i][k] -= factor * row[k];
        }
        x[i] -= factor * x[column];
      }
    }
    for (int i = n - 1; i >= 0; i--) {
      for (int k = i + 1; k < n; k++) {
        x[i] -= rows[i][k] * x[k];
      }
      x[i] /= rows[i][i];
    }
    return x;
  }
}
