package io.gradstream.arbitrator.linalg;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Eigenvalues and eigenvectors of a Gram matrix, without those that are zero up to rounding.
 *
 * <p>By Jacobi's rotations, since they find even the smallest eigenvalues of gradients of very
 * different norms to many digits, where methods by tridiagonal form find them only relative to the
 * largest (Demmel and Veselic, "Jacobi's method is more accurate than QR", 1992).
 */
public final class Spectrum {
  private static final int MAX_SWEEPS = 60;

  private final double[] values;
  private final double[][] vectors;

  private Spectrum(double[] values, double[][] vectors) {
    this.values = values;
    this.vectors = vectors;
  }

  /** Keeps eigenvalues above the largest one times N times the unit roundoff of double. */
  public static Spectrum of(double[][] gram) {
    int n = gram.length;
    double[][] matrix = Matrices.copy(gram);
    double[][] basis = Matrices.identity(n);
    for (int sweep = 0; sweep < MAX_SWEEPS && sweep(matrix, basis); sweep++) {
      // Each sweep squares the off-diagonal part; a handful is enough.
    }
    double largest = IntStream.range(0, n).mapToDouble(k -> matrix[k][k]).max().orElse(0);
    double limit = Math.max(0, largest) * n * Math.ulp(1.0);
    int[] kept = IntStream.range(0, n).filter(k -> matrix[k][k] > limit).toArray();
    return new Spectrum(
        Arrays.stream(kept).mapToDouble(k -> matrix[k][k]).toArray(),
        Arrays.stream(kept).mapToObj(k -> column(basis, k)).toArray(double[][]::new));
  }

  public int rank() {
    return values.length;
  }

  public double value(int k) {
    return values[k];
  }

  /** All kept eigenvalues, in no particular order. */
  public double[] values() {
    return values.clone();
  }

  public double[] vector(int k) {
    return vectors[k];
  }

  /** The shortest solution of matrix * x = right, or the nearest to one: the pseudo-inverse's. */
  public double[] solve(double[] right) {
    double[] solution = new double[right.length];
    for (int k = 0; k < values.length; k++) {
      double along = DoubleVectors.dot(vectors[k], right) / values[k];
      for (int i = 0; i < solution.length; i++) {
        solution[i] += along * vectors[k][i];
      }
    }
    return solution;
  }

  /** Rotates every pair once; whether there was anything left to rotate. */
  private static boolean sweep(double[][] matrix, double[][] basis) {
    boolean rotated = false;
    for (int i = 0; i < matrix.length; i++) {
      for (int j = i + 1; j < matrix.length; j++) {
        double size = Math.sqrt(Math.abs(matrix[i][i])) * Math.sqrt(Math.abs(matrix[j][j]));
        if (Math.abs(matrix[i][j]) > 0.5 * Math.ulp(1.0) * size && matrix[i][j] != 0) {
          rotate(matrix, basis, i, j);
          rotated = true;
        }
      }
    }
    return rotated;
  }

  /** The rotation in the plane (i, j) that makes the entry (i, j) zero. */
  private static void rotate(double[][] matrix, double[][] basis, int i, int j) {
    double off = matrix[i][j];
    double ratio = (matrix[j][j] - matrix[i][i]) / (2 * off);
    double tangent = Math.copySign(1, ratio) / (Math.abs(ratio) + StrictMath.hypot(1, ratio));
    double cosine = 1 / StrictMath.hypot(1, tangent);
    double sine = tangent * cosine;
    matrix[i][i] -= tangent * off;
    matrix[j][j] += tangent * off;
    matrix[i][j] = 0;
    matrix[j][i] = 0;
    for (int k = 0; k < matrix.length; k++) {
      if (k != i && k != j) {
        double atI = matrix[k][i];
        double atJ = matrix[k][j];
        matrix[k][i] = cosine * atI - sine * atJ;
        matrix[k][j] = sine * atI + cosine * atJ;
        matrix[i][k] = matrix[k][i];
        matrix[j][k] = matrix[k][j];
      }
      double atI = basis[k][i];
      double atJ = basis[k][j];
      basis[k][i] = cosine * atI - sine * atJ;
      basis[k][j] = sine * atI + cosine * atJ;
    }
  }

  private static double[] column(double[][] matrix, int k) {
    return Arrays.stream(matrix).mapToDouble(row -> row[k]).toArray();
  }
}
