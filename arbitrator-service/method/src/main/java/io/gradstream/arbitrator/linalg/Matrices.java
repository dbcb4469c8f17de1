package io.gradstream.arbitrator.linalg;

/** Small dense matrices as {@code double[row][column]}. */
public final class Matrices {
  private Matrices() {}

  public static double[][] identity(int n) {
    double[][] identity = new double[n][n];
    for (int i = 0; i < n; i++) {
      identity[i][i] = 1;
    }
    return identity;
  }

  public static double[][] copy(double[][] matrix) {
    double[][] copy = new double[matrix.length][];
    for (int i = 0; i < matrix.length; i++) {
      copy[i] = matrix[i].clone();
    }
    return copy;
  }

  /** Row by row. */
  public static double[] flatten(double[][] square) {
    int n = square.length;
    double[] flat = new double[n * n];
    for (int i = 0; i < n; i++) {
      System.arraycopy(square[i], 0, flat, i * n, n);
    }
    return flat;
  }

  /** The n x n matrix that was flattened row by row. */
  public static double[][] square(double[] flat, int n) {
    double[][] square = new double[n][n];
    for (int i = 0; i < n; i++) {
      System.arraycopy(flat, i * n, square[i], 0, n);
    }
    return square;
  }

  /** The rows and columns {@code indices} of a square matrix. */
  public static double[][] part(double[][] matrix, int[] indices) {
    double[][] part = new double[indices.length][indices.length];
    for (int i = 0; i < indices.length; i++) {
      for (int j = 0; j < indices.length; j++) {
        part[i][j] = matrix[indices[i]][indices[j]];
      }
    }
    return part;
  }

  public static double[] times(double[][] matrix, double[] x) {
    double[] product = new double[matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      product[i] = DoubleVectors.dot(matrix[i], x);
    }
    return product;
  }

  /** left * right'. */
  public static double[][] timesTransposed(double[][] left, double[][] right) {
    double[][] product = new double[left.length][];
    for (int i = 0; i < left.length; i++) {
      product[i] = times(right, left[i]);
    }
    return product;
  }

  /** x' matrix x. */
  public static double quadratic(double[][] matrix, double[] x) {
    return DoubleVectors.dot(x, times(matrix, x));
  }

  public static double trace(double[][] matrix) {
    double trace = 0;
    for (int i = 0; i < matrix.length; i++) {
      trace += matrix[i][i];
    }
    return trace;
  }

  public static double[][] scaled(double[][] matrix, double factor) {
    double[][] scaled = new double[matrix.length][];
    for (int i = 0; i < matrix.length; i++) {
      scaled[i] = DoubleVectors.scaled(matrix[i], factor);
    }
    return scaled;
  }

  /**
   * The cosines of vectors from their Gram matrix.
   *
   * @return N x N, with ones on the diagonal; a zero vector has a row and a column of zeros
   */
  public static double[][] cosines(double[][] gram) {
    int n = gram.length;
    double[][] cosines = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double first = Math.sqrt(gram[i][i]);
        double second = Math.sqrt(gram[j][j]);
        if (first > 0 && second > 0) {
          cosines[i][j] = i == j ? 1 : Math.clamp(gram[i][j] / first / second, -1, 1);
        }
      }
    }
    return cosines;
  }
}
