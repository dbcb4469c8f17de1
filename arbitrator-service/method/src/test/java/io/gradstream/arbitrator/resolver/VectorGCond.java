package io.gradstream.arbitrator.resolver;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * GCond's smooth mode on the vectors themselves, written from the recursion's description and
 * sharing no code with the resolver: every step changes gradients and measures them anew.
 */
final class VectorGCond {
  private static final double EPS = 1e-8;

  private final double critical;
  private final double main;
  private final double weak;
  private final boolean rawStability;
  private final int window;
  private final Deque<Integer> history = new ArrayDeque<>();
  private double[][] before = new double[0][];
  private double[] averages = new double[0];

  VectorGCond(double critical, double main, double weak, boolean rawStability, int window) {
    this.critical = critical;
    this.main = main;
    this.weak = weak;
    this.rawStability = rawStability;
    this.window = window;
  }

  /** The pairs that were arbitrated, and the sum of what was left. */
  record Step(List<List<Integer>> winners, double[] update) {}

  Step step(double[][] raw) {
    int n = raw.length;
    if (before.length == 0) {
      before = new double[n][raw[0].length];
      averages = new double[n];
      Arrays.fill(averages, 1);
    }
    double[][] g = Arrays.stream(raw).map(double[]::clone).toArray(double[][]::new);
    for (int i = 0; i < n; i++) {
      averages[i] = Math.max(0.95 * averages[i] + 0.05 * norm(g[i]), EPS);
    }
    var winners = new ArrayList<List<Integer>>();
    for (int iteration = 0; iteration < 2 * n; iteration++) {
      int[] pair = worst(g);
      if (pair.length == 0) {
        break;
      }
      int winner = winner(g, pair[0], pair[1]);
      int loser = winner == pair[0] ? pair[1] : pair[0];
      winners.add(List.of(pair[0], pair[1], winner));
      double angle = angle(cosine(g[pair[0]], g[pair[1]]));
      double product = dot(g[winner], g[loser]);
      double[] oldWinner = g[winner].clone();
      subtract(g[winner], Math.sin(angle) * product / (dot(g[loser], g[loser]) + EPS), g[loser]);
      subtract(
          g[loser],
          Math.sin(Math.min(angle, Math.PI / 2)) * product / (dot(oldWinner, oldWinner) + EPS),
          oldWinner);
    }
    double[] update = new double[raw[0].length];
    for (double[] gradient : g) {
      subtract(update, -1, gradient);
    }
    before = rawStability ? raw : g;
    return new Step(winners, update);
  }

  private int[] worst(double[][] g) {
    int[] worst = {};
    double smallest = weak;
    for (int i = 0; i < g.length; i++) {
      for (int j = i + 1; j < g.length; j++) {
        double cosine = cosine(g[i], g[j]);
        if (dot(g[i], g[i]) >= EPS && dot(g[j], g[j]) >= EPS && cosine < smallest) {
          smallest = cosine;
          worst = new int[] {i, j};
        }
      }
    }
    return worst;
  }

  private double angle(double cosine) {
    if (cosine >= main) {
      double share = (cosine - main) / (weak - main + EPS);
      return Math.PI / 2 * (1 - Math.min(1, Math.max(0, share)));
    }
    if (cosine > critical) {
      return Math.PI / 2 * (1 + Math.pow((cosine - main) / (critical - main + EPS), 2));
    }
    return Math.PI;
  }

  private int winner(double[][] g, int i, int j) {
    int winner = score(g, j, i) > score(g, i, j) ? j : i;
    if (history.size() == window && history.stream().allMatch(won -> won == i)) {
      winner = j;
    } else if (history.size() == window && history.stream().allMatch(won -> won == j)) {
      winner = i;
    }
    if (history.size() == window) {
      history.removeFirst();
    }
    history.addLast(winner);
    return winner;
  }

  private double score(double[][] g, int task, int other) {
    double stability = cosine(g[task], before[task]);
    double own = norm(g[task]) / (averages[task] + EPS);
    double theirs = norm(g[other]) / (averages[other] + EPS);
    return 0.8 * Math.max(stability, 0) + 0.2 * own / (own + theirs + EPS);
  }

  private static double cosine(double[] x, double[] y) {
    return dot(x, y) / (norm(x) * norm(y) + EPS);
  }

  private static void subtract(double[] x, double factor, double[] y) {
    for (int d = 0; d < x.length; d++) {
      x[d] -= factor * y[d];
    }
  }

  private static double norm(double[] x) {
    return Math.sqrt(dot(x, x));
  }

  private static double dot(double[] x, double[] y) {
    double sum = 0;
    for (int d = 0; d < x.length; d++) {
      sum += x[d] * y[d];
    }
    return sum;
  }
}
