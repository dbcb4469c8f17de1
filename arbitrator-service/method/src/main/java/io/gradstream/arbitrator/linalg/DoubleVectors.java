package io.gradstream.arbitrator.linalg;

import java.util.Arrays;

/** Short vectors of doubles, one entry per task. */
public final class DoubleVectors {
  private DoubleVectors() {}

  public static double[] filled(int n, double value) {
    double[] filled = new double[n];
    Arrays.fill(filled, value);
    return filled;
  }

  public static double[] unit(int n, int at) {
    double[] unit = new double[n];
    unit[at] = 1;
    return unit;
  }

  public static double dot(double[] x, double[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * y[i];
    }
    return sum;
  }

  public static double sum(double[] x) {
    double sum = 0;
    for (double value : x) {
      sum += value;
    }
    return sum;
  }

  public static double mean(double[] x) {
    return sum(x) / x.length;
  }

  public static double[] scaled(double[] x, double factor) {
    double[] scaled = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      scaled[i] = x[i] * factor;
    }
    return scaled;
  }

  /** Whether no value is NaN or infinite. */
  public static boolean finite(double[] x) {
    for (double value : x) {
      if (!Double.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  /** exp(x_i) / sum exp(x), without overflow. */
  public static double[] softmax(double[] x) {
    double largest = Arrays.stream(x).max().orElse(0);
    double[] softmax = new double[x.length];
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      softmax[i] = StrictMath.exp(x[i] - largest);
      sum += softmax[i];
    }
    return scaled(softmax, 1 / sum);
  }
}
