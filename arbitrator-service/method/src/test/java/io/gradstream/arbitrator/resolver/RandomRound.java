package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/**
 * Gradients and losses of one round, drawn from a seed.
 *
 * @param gradients N x D
 * @param losses N, positive
 */
record RandomRound(double[][] gradients, double[] losses) {

  /** What is special about the gradients. */
  enum Kind {
    PLAIN,
    /** Most pairs conflict. */
    OPPOSED,
    /** One of them is zero. */
    ZERO,
    /** Two of them are equal. */
    EQUAL,
    /** One is the exact opposite of another. */
    OPPOSITE
  }

  /** Anything: N 1 to 12, D 1 to 200, norms up to a factor of 1e6 apart, all kinds. */
  static Arbitrary<RandomRound> any() {
    return Combinators.combine(
            Arbitraries.integers().between(1, 12),
            Arbitraries.integers().between(1, 200),
            Arbitraries.of(Kind.class),
            Arbitraries.of(0, 2, 6),
            Arbitraries.longs())
        .as(RandomRound::draw);
  }

  /** Linearly independent gradients, far from any degenerate case; norms may be far apart. */
  static Arbitrary<RandomRound> independent() {
    return Combinators.combine(
            Arbitraries.integers().between(2, 12),
            Arbitraries.integers().between(3, 16),
            Arbitraries.of(Kind.PLAIN, Kind.OPPOSED),
            Arbitraries.of(0, 2, 6),
            Arbitraries.longs())
        .as((tasks, ratio, kind, decades, seed) -> draw(tasks, tasks * ratio, kind, decades, seed));
  }

  static RandomRound draw(int tasks, int size, Kind kind, int decades, long seed) {
    var random = new Random(seed);
    double[][] gradients = new double[tasks][size];
    double[] losses = new double[tasks];
    for (int i = 0; i < tasks; i++) {
      double scale = Math.pow(10, decades * (random.nextDouble() - 0.5));
      losses[i] = 0.01 + 3 * random.nextDouble();
      for (int d = 0; d < size; d++) {
        double shared = kind == Kind.OPPOSED ? (i % 2 == 0 ? 0.6 : -0.6) * (d % 3) : 0;
        gradients[i][d] = scale * (random.nextGaussian() + shared);
      }
    }
    int last = tasks - 1;
    switch (kind) {
      case ZERO -> gradients[random.nextInt(tasks)] = new double[size];
      case EQUAL -> gradients[last] = gradients[0].clone();
      case OPPOSITE -> {
        if (tasks > 1) {
          gradients[last] = Arrays.stream(gradients[0]).map(value -> -value).toArray();
        }
      }
      default -> {}
    }
    return new RandomRound(gradients, losses);
  }

  int tasks() {
    return gradients.length;
  }

  double[][] gram() {
    return Matrices.timesTransposed(gradients, gradients);
  }

  RoundStatistics statistics() {
    return statistics(0, new double[tasks()][tasks()]);
  }

  RoundStatistics statistics(long round, double[][] cross) {
    return new RoundStatistics(round, tasks(), gram(), cross, losses, 7)
        .withExcess(SquareSums.next(new double[tasks()][gradients[0].length], gradients));
  }

  RandomRound scaled(double factor) {
    return new RandomRound(Matrices.scaled(gradients, factor), losses);
  }

  /** The round with tasks in another order: position i holds the former task order[i]. */
  RandomRound inOrder(int[] order) {
    double[][] rows = new double[tasks()][];
    double[] shuffled = new double[tasks()];
    for (int i = 0; i < order.length; i++) {
      rows[i] = gradients[order[i]];
      shuffled[i] = losses[order[i]];
    }
    return new RandomRound(rows, shuffled);
  }

  /** sum of weight times gradient. */
  double[] combine(double[] weights) {
    double[] sum = new double[gradients[0].length];
    for (int i = 0; i < weights.length; i++) {
      for (int d = 0; d < sum.length; d++) {
        sum[d] += weights[i] * gradients[i][d];
      }
    }
    return sum;
  }

  /** The sum of the norms of weight times gradient: how large rounding in a combination may be. */
  double size(double[] weights) {
    double size = 0;
    for (int i = 0; i < weights.length; i++) {
      size += Math.abs(weights[i]) * Math.sqrt(DoubleVectors.dot(gradients[i], gradients[i]));
    }
    return size;
  }

  /**
   * Whether a combination is zero as far as inner products can tell: its square is lost in their
   * rounding, which is relative to the squares of what is combined.
   */
  boolean cancels(double[] update, double[] weights) {
    return Math.sqrt(DoubleVectors.dot(update, update)) <= 1e-7 * size(weights);
  }

  @Override
  public String toString() {
    return "N %d, D %d, norms %s, losses %s"
        .formatted(
            tasks(),
            gradients[0].length,
            Arrays.toString(statistics().norms()),
            Arrays.toString(losses));
  }
}
