package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.Matrices;

/**
 * Gradients under repeated projection, without the gradients.
 *
 * <p>Every projection replaces gradient i by a linear combination of the N original ones, so it is
 * enough to keep the coefficients C (projected_i = sum_k C_ik g_k), the Gram matrix H = C G C' of
 * the projected gradients and their inner products P = C X with a previous round's. A projection is
 * a row operation on C and P and a row and column operation on H.
 *
 * <p>Mutable, confined to one call of a resolver.
 */
final class ProjectedGradients {
  private final int tasks;
  private final double[][] coefficients;
  private final double[][] gram;
  private final double[][] previous;

  /**
   * @param gram N x N Gram matrix of the original gradients
   * @param previous N x N, row i the original gradient i, column j the j-th gradient of before
   */
  ProjectedGradients(double[][] gram, double[][] previous) {
    this.tasks = gram.length;
    this.gram = Matrices.copy(gram);
    this.previous = Matrices.copy(previous);
    this.coefficients = Matrices.identity(tasks);
  }

  int tasks() {
    return tasks;
  }

  double product(int i, int j) {
    return gram[i][j];
  }

  double squaredNorm(int i) {
    return gram[i][i];
  }

  double norm(int i) {
    return Math.sqrt(gram[i][i]);
  }

  /** Norms of all projected gradients. */
  double[] norms() {
    double[] norms = new double[tasks];
    for (int i = 0; i < tasks; i++) {
      norms[i] = norm(i);
    }
    return norms;
  }

  /** Inner product of the projected gradient i with the gradient i of before. */
  double productWithPrevious(int i) {
    return previous[i][i];
  }

  /** The live coefficients, row i the projected gradient i. */
  double[][] coefficients() {
    return coefficients;
  }

  /** Weights of the sum of all projected gradients: the column sums of C. */
  double[] weightsOfSum() {
    double[] weights = new double[tasks];
    for (double[] row : coefficients) {
      for (int k = 0; k < tasks; k++) {
        weights[k] += row[k];
      }
    }
    return weights;
  }

  /** projected_i *= factor. */
  void scale(int i, double factor) {
    for (int k = 0; k < tasks; k++) {
      coefficients[i][k] *= factor;
      previous[i][k] *= factor;
      gram[i][k] *= factor;
    }
    for (int k = 0; k < tasks; k++) {
      gram[k][i] *= factor;
    }
  }

  /** At once: projected_i -= a * projected_j and projected_j -= b * projected_i. */
  void subtract(int i, int j, double a, double b) {
    subtractRows(coefficients, i, j, a, b);
    subtractRows(previous, i, j, a, b);
    subtractRows(gram, i, j, a, b);
    for (double[] row : gram) {
      double atI = row[i];
      double atJ = row[j];
      row[i] = atI - a * atJ;
      row[j] = atJ - b * atI;
    }
    // Rounding must leave neither an asymmetry nor a negative square behind.
    for (int k = 0; k < tasks; k++) {
      gram[k][i] = gram[i][k];
      gram[k][j] = gram[j][k];
    }
    gram[i][i] = Math.max(0, gram[i][i]);
    gram[j][j] = Math.max(0, gram[j][j]);
  }

  private void subtractRows(double[][] matrix, int i, int j, double a, double b) {
    for (int k = 0; k < tasks; k++) {
      double atI = matrix[i][k];
      double atJ = matrix[j][k];
      matrix[i][k] = atI - a * atJ;
      matrix[j][k] = atJ - b * atI;
    }
  }
}
