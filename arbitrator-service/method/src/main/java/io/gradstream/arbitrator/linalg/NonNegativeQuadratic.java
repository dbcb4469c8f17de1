package io.gradstream.arbitrator.linalg;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Minimises x'Qx/2 - b'x over x >= 0 for a small symmetric positive semidefinite Q, to rounding.
 *
 * <p>An active-set method (Lawson and Hanson, "Solving least squares problems", 1974, chapter 23,
 * on the normal equations): variables become active one by one, the one with the steepest descent
 * first, and the problem without bounds on the active ones is solved exactly; one that would turn
 * negative becomes inactive. The objective falls with every change, so no active set comes back and
 * the method ends. A variable whose row depends on those of the active ones has no minimum together
 * with them: it replaces one of them, or is passed over where that does not lower the objective.
 */
public final class NonNegativeQuadratic {
  private static final double SMALLEST_PIVOT = 1e-14;
  private static final double TOLERANCE = 1e-14;

  private final double[][] q;
  private final double[] b;
  private final int n;
  private final boolean[] active;
  private double[] x;

  private NonNegativeQuadratic(double[][] q, double[] b) {
    this.q = q;
    this.b = b;
    this.n = b.length;
    this.active = new boolean[n];
    this.x = new double[n];
  }

  /**
   * @param q N x N, symmetric, positive semidefinite, bounded below on x >= 0; best with a diagonal
   *     near 1
   * @param b N
   */
  public static double[] minimise(double[][] q, double[] b) {
    return new NonNegativeQuadratic(q, b).solve();
  }

  private double[] solve() {
    boolean[] passedOver = new boolean[n];
    // Each change of the set lowers the objective; the bound only guards against rounding in
    // circles.
    for (int change = 0; change < 20 * n + 20; change++) {
      int entering = steepest(passedOver);
      if (entering < 0) {
        break;
      }
      if (activate(entering)) {
        Arrays.fill(passedOver, false);
      } else {
        passedOver[entering] = true;
      }
    }
    return x;
  }

  private int steepest(boolean[] passedOver) {
    int steepest = -1;
    double largest = 0;
    for (int i = 0; i < n; i++) {
      double descent = active[i] || passedOver[i] ? 0 : descent(i);
      if (descent > largest) {
        largest = descent;
        steepest = i;
      }
    }
    return steepest;
  }

  /** How fast the objective falls as a variable grows; 0 where that is lost in rounding. */
  private double descent(int i) {
    double size = Math.abs(b[i]);
    double descent = b[i];
    for (int k = 0; k < n; k++) {
      descent -= q[i][k] * x[k];
      size += Math.abs(q[i][k] * x[k]);
    }
    return descent > TOLERANCE * size ? descent : 0;
  }

  /** Makes a variable active and goes to the minimum; false if the objective would not fall. */
  private boolean activate(int entering) {
    active[entering] = true;
    double[] candidate = minimiseOnActiveSet();
    if (candidate == null) {
      active[entering] = false;
      if (!replaceOne(entering)) {
        return false;
      }
      candidate = minimiseOnActiveSet();
    } else if (candidate[entering] <= 0) {
      active[entering] = false;
      return false;
    }
    if (candidate != null) {
      moveTo(candidate);
    }
    return true;
  }

  /**
   * Makes a dependent variable active in place of another one: moves along the direction in which
   * the active variables compensate its row, where the objective is a straight line but for
   * rounding, until one of them reaches its bound.
   */
  private boolean replaceOne(int entering) {
    int[] activeSet = activeSet();
    Cholesky factor = Cholesky.factor(q, activeSet, SMALLEST_PIVOT);
    if (factor == null) {
      return false;
    }
    double[] along =
        factor.solve(Arrays.stream(activeSet).mapToDouble(i -> -q[i][entering]).toArray());
    double reach = Double.POSITIVE_INFINITY;
    int leaving = -1;
    double curvature = q[entering][entering];
    for (int k = 0; k < activeSet.length; k++) {
      curvature += q[entering][activeSet[k]] * along[k];
      if (along[k] < 0 && x[activeSet[k]] < -along[k] * reach) {
        reach = -x[activeSet[k]] / along[k];
        leaving = activeSet[k];
      }
    }
    if (leaving < 0 || reach == 0 || curvature * reach >= 2 * descent(entering)) {
      return false;
    }
    for (int k = 0; k < activeSet.length; k++) {
      x[activeSet[k]] = Math.max(0, x[activeSet[k]] + reach * along[k]);
    }
    x[entering] = reach;
    x[leaving] = 0;
    active[entering] = true;
    active[leaving] = false;
    return true;
  }

  /**
   * Moves towards the candidate and makes variables inactive that reach their bound, until all
   * active ones are positive.
   */
  private void moveTo(double[] candidate) {
    double[] target = candidate;
    while (true) {
      double step = 1;
      int leaving = -1;
      for (int i = 0; i < n; i++) {
        if (active[i] && target[i] <= 0) {
          double reach = x[i] / (x[i] - target[i]);
          if (leaving < 0 || reach < step) {
            step = reach;
            leaving = i;
          }
        }
      }
      if (leaving < 0) {
        x = target;
        return;
      }
      for (int i = 0; i < n; i++) {
        x[i] = active[i] ? Math.max(0, x[i] + step * (target[i] - x[i])) : 0;
      }
      active[leaving] = false;
      x[leaving] = 0;
      double[] next = minimiseOnActiveSet();
      if (next == null) {
        return;
      }
      target = next;
    }
  }

  private int[] activeSet() {
    return IntStream.range(0, n).filter(i -> active[i]).toArray();
  }

  /** The minimiser with all inactive variables at 0 and the active ones without bounds. */
  private double @Nullable [] minimiseOnActiveSet() {
    int[] activeSet = activeSet();
    double[] solution = new double[n];
    if (activeSet.length == 0) {
      return solution;
    }
    Cholesky factor = Cholesky.factor(q, activeSet, SMALLEST_PIVOT);
    if (factor == null) {
      return null;
    }
    double[] right = Arrays.stream(activeSet).mapToDouble(i -> b[i]).toArray();
    double[] found = factor.solve(right);
    // One step of refinement takes back what the factor's rounding cost.
    double[] residual = right.clone();
    for (int i = 0; i < activeSet.length; i++) {
      for (int k = 0; k < activeSet.length; k++) {
        residual[i] -= q[activeSet[i]][activeSet[k]] * found[k];
      }
    }
    double[] correction = factor.solve(residual);
    for (int i = 0; i < activeSet.length; i++) {
      solution[activeSet[i]] = found[i] + correction[i];
    }
    return solution;
  }
}
