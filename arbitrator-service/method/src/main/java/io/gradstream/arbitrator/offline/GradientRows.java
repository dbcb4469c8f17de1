package io.gradstream.arbitrator.offline;

/** Whole gradients in float64, one a row. */
final class GradientRows {
  private GradientRows() {}

  static double[][] copy(double[][] rows) {
    double[][] copy = new double[rows.length][];
    for (int i = 0; i < rows.length; i++) {
      copy[i] = rows[i].clone();
    }
    return copy;
  }

  /** Inner products of all rows of one with all rows of the other. */
  static double[][] products(double[][] left, double[][] right) {
    double[][] products = new double[left.length][right.length];
    for (int i = 0; i < left.length; i++) {
      for (int j = 0; j < right.length; j++) {
        double sum = 0;
        for (int d = 0; d < left[i].length; d++) {
          sum += left[i][d] * right[j][d];
        }
        products[i][j] = sum;
      }
    }
    return products;
  }

  static double[] norms(double[][] rows) {
    double[] norms = new double[rows.length];
    for (int i = 0; i < rows.length; i++) {
      norms[i] = Math.sqrt(products(rows, rows)[i][i]);
    }
    return norms;
  }

  /** sum of weight times row. */
  static double[] combine(double[] weights, double[][] rows) {
    double[] sum = new double[rows[0].length];
    for (int i = 0; i < weights.length; i++) {
      for (int d = 0; d < sum.length; d++) {
        sum[d] += weights[i] * rows[i][d];
      }
    }
    return sum;
  }
}
