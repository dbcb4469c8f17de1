package io.gradstream.arbitrator.linalg;

import org.jspecify.annotations.Nullable;

/** Solves small symmetric positive definite systems; says when a matrix is not definite enough. */
public final class Cholesky {
  private final double[][] factor;

  private Cholesky(double[][] factor) {
    this.factor = factor;
  }

  /**
   * Factors the rows and columns {@code indices} of a symmetric matrix.
   *
   * @param smallestPivot the smallest allowed ratio of a pivot to its diagonal entry: below it a
   *     row is a combination of the ones before, up to rounding
   * @return null if a pivot is too small
   */
  public static @Nullable Cholesky factor(double[][] matrix, int[] indices, double smallestPivot) {
    int n = indices.length;
    double[][] lower = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        double rest = matrix[indices[i]][indices[j]];
        for (int k = 0; k < j; k++) {
          rest -= lower[i][k] * lower[j][k];
        }
        if (j < i) {
          lower[i][j] = rest / lower[j][j];
        } else if (rest > smallestPivot * matrix[indices[i]][indices[i]]) {
          lower[i][i] = Math.sqrt(rest);
        } else {
          return null;
        }
      }
    }
    return new Cholesky(lower);
  }

  /** Factors a whole matrix. */
  public static @Nullable Cholesky factor(double[][] matrix, double smallestPivot) {
    int[] all = new int[matrix.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = i;
    }
    return factor(matrix, all, smallestPivot);
  }

  public double[] solve(double[] right) {
    int n = factor.length;
    double[] x = right.clone();
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < i; k++) {
        x[i] -= factor[i][k] * x[k];
      }
      x[i] /= factor[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
      for (int k = i + 1; k < n; k++) {
        x[i] -= factor[k][i] * x[k];
      }
      x[i] /= factor[i][i];
    }
    return x;
  }
}
