package io.gradstream.arbitrator.linalg;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Minimises x'Qx/2 - b'x over x >= 0 for a small symmetric positive semidefinite Q, to rounding.
 *
 * <p>An active-set method (Lawson and Hanson, "Solving least squares problems", 1974, chapter 23,
 * on the normal equations): variables are let in one by one, the one with the steepest descent
 * first, and the equality problem on those that are in is solved exactly; one that would turn
 * negative goes out. The objective falls with every change, so no set comes back and the method
 * ends. A variable whose row depends on those that are in has no minimum together with them: it
 * takes the place of one of them, or is passed over where that does not lower the objective.
 */
public final class NonNegativeQuadratic {
  private static final double SMALLEST_PIVOT = 1e-14;
  private static final double TOLERANCE = 1e-14;

  private final double[][] q;
  private final double[] b;
  private final int n;
  private final boolean[] in;
  private double[] x;

  private NonNegativeQuadratic(double[][] q, double[] b) {
    this.q = q;
    this.b = b;
    this.n = b.length;
    this.in = new boolean[n];
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
      if (letIn(entering)) {
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
      double descent = in[i] || passedOver[i] ? 0 : descent(i);
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

  /** Lets a variable in and goes to the minimum; false if the objective would not fall. */
  private boolean letIn(int entering) {
    in[entering] = true;
    double[] candidate = onSet();
    if (candidate == null) {
      in[entering] = false;
      if (!exchange(entering)) {
        return false;
      }
      candidate = onSet();
    } else if (candidate[entering] <= 0) {
      in[entering] = false;
      return false;
    }
    if (candidate != null) {
      settle(candidate);
    }
    return true;
  }

  /**
   * Lets a dependent variable in for one that is in: moves along the direction in which the others
   * make up for its row, where the objective is a straight line but for rounding, until one of them
   * reaches its bound.
   */
  private boolean exchange(int entering) {
    int[] members = members();
    Cholesky factor = Cholesky.factor(q, members, SMALLEST_PIVOT);
    if (factor == null) {
      return false;
    }
    double[] along =
        factor.solve(Arrays.stream(members).mapToDouble(i -> -q[i][entering]).toArray());
    double reach = Double.POSITIVE_INFINITY;
    int leaving = -1;
    double curvature = q[entering][entering];
    for (int k = 0; k < members.length; k++) {
      curvature += q[entering][members[k]] * along[k];
      if (along[k] < 0 && x[members[k]] < -along[k] * reach) {
        reach = -x[members[k]] / along[k];
        leaving = members[k];
      }
    }
    if (leaving < 0 || reach == 0 || curvature * reach >= 2 * descent(entering)) {
      return false;
    }
    for (int k = 0; k < members.length; k++) {
      x[members[k]] = Math.max(0, x[members[k]] + reach * along[k]);
    }
    x[entering] = reach;
    x[leaving] = 0;
    in[entering] = true;
    in[leaving] = false;
    return true;
  }

  /** Moves towards the candidate, letting variables out at the bound, until all that are in fit. */
  private void settle(double[] candidate) {
    double[] target = candidate;
    while (true) {
      double step = 1;
      int leaving = -1;
      for (int i = 0; i < n; i++) {
        if (in[i] && target[i] <= 0) {
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
        x[i] = in[i] ? Math.max(0, x[i] + step * (target[i] - x[i])) : 0;
      }
      in[leaving] = false;
      x[leaving] = 0;
      double[] next = onSet();
      if (next == null) {
        return;
      }
      target = next;
    }
  }

  private int[] members() {
    return IntStream.range(0, n).filter(i -> in[i]).toArray();
  }

  /** The minimiser with all variables outside the set at 0 and the others free. */
  private double @Nullable [] onSet() {
    int[] members = members();
    double[] solution = new double[n];
    if (members.length == 0) {
      return solution;
    }
    Cholesky factor = Cholesky.factor(q, members, SMALLEST_PIVOT);
    if (factor == null) {
      return null;
    }
    double[] right = Arrays.stream(members).mapToDouble(i -> b[i]).toArray();
    double[] found = factor.solve(right);
    // One step of refinement takes back what the factor's rounding cost.
    double[] residual = right.clone();
    for (int i = 0; i < members.length; i++) {
      for (int k = 0; k < members.length; k++) {
        residual[i] -= q[members[i]][members[k]] * found[k];
      }
    }
    double[] correction = factor.solve(residual);
    for (int i = 0; i < members.length; i++) {
      solution[members[i]] = found[i] + correction[i];
    }
    return solution;
  }
}
