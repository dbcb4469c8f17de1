package io.gradstream.arbitrator.linalg;

/**
 * The point of smallest norm in the convex hull of N vectors, from their Gram matrix.
 *
 * <p>With unit vectors e_i = g_i / n_i and y_i = x_i n_i the simplex becomes d'y = 1, d_i
 * proportional to 1 / n_i, and the smallest norm on it is where y'Ky + (d'y - 1)^2 is smallest over
 * y >= 0, up to a factor: for a given direction the second is an increasing function of the first.
 * That problem is {@link NonNegativeQuadratic}'s, with a diagonal near 1 whatever the scale and the
 * spread of the norms.
 */
public final class ConvexHull {
  private ConvexHull() {}

  /**
   * @param gram N x N Gram matrix
   * @return N weights of the simplex; the first zero vector if there is one
   */
  public static double[] smallestNorm(double[][] gram) {
    int n = gram.length;
    double[] norms = new double[n];
    double smallest = Double.POSITIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      if (!(gram[i][i] > 0)) {
        return DoubleVectors.unit(n, i);
      }
      norms[i] = Math.sqrt(gram[i][i]);
      smallest = Math.min(smallest, norms[i]);
    }
    double[][] q = new double[n][n];
    double[] d = new double[n];
    for (int i = 0; i < n; i++) {
      d[i] = smallest / norms[i];
    }
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        q[i][j] = gram[i][j] / norms[i] / norms[j] + d[i] * d[j];
      }
    }
    double[] y = NonNegativeQuadratic.minimise(q, d);
    double[] x = new double[n];
    for (int i = 0; i < n; i++) {
      x[i] = y[i] * d[i];
    }
    return DoubleVectors.scaled(x, 1 / DoubleVectors.sum(x));
  }
}
