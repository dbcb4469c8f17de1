package io.gradstream.arbitrator.resolver;

import java.util.Arrays;
import org.hipparchus.linear.Array2DRowRealMatrix;
import org.hipparchus.linear.EigenDecompositionSymmetric;

/** Eigenvalues and eigenvectors of a Gram matrix, without those that are zero up to rounding. */
final class Spectrum {
  private final double[] values;
  private final double[][] vectors;

  private Spectrum(double[] values, double[][] vectors) {
    this.values = values;
    this.vectors = vectors;
  }

  /** Keeps eigenvalues above the largest one times N times the unit roundoff of double. */
  static Spectrum of(double[][] gram) {
    double scale = Matrices.trace(gram);
    if (!(scale > 0)) {
      return new Spectrum(new double[0], new double[0][]);
    }
    var eigen =
        new EigenDecompositionSymmetric(
            new Array2DRowRealMatrix(Matrices.scaled(gram, 1 / scale), false));
    double[] all = eigen.getEigenvalues();
    double limit = Arrays.stream(all).max().orElse(0) * gram.length * Math.ulp(1.0);
    int rank = 0;
    double[] values = new double[all.length];
    double[][] vectors = new double[all.length][];
    for (int k = 0; k < all.length; k++) {
      if (all[k] > limit) {
        values[rank] = all[k] * scale;
        vectors[rank] = eigen.getEigenvector(k).toArray();
        rank++;
      }
    }
    return new Spectrum(Arrays.copyOf(values, rank), Arrays.copyOf(vectors, rank));
  }

  int rank() {
    return values.length;
  }

  double value(int k) {
    return values[k];
  }

  double[] values() {
    return values.clone();
  }

  double[] vector(int k) {
    return vectors[k];
  }
}
