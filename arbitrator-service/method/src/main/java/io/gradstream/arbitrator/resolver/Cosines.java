package io.gradstream.arbitrator.resolver;

/** Cosines of gradients from their inner products. */
final class Cosines {
  private Cosines() {}

  /** N x N, with ones on the diagonal; a zero gradient has a row and a column of zeros. */
  static double[][] of(double[][] gram) {
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
