package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.kernels.SplitMix64;

/**
 * Random numbers by counting instead of by state: number k of a round is a hash of (seed, round,
 * purpose, k), so that every partition, every restart and every replay draws the same, in any
 * order.
 *
 * <p>The hash is {@link SplitMix64}'s, applied once for each word of the key.
 */
public final class SeededRandomSource implements RandomSource {
  private static final long ORDERS = 1;
  private static final long NORMALS = 2;
  private static final long UNIFORMS = 3;

  @Override
  public int[][] visitingOrders(RoundStatistics round) {
    int n = round.tasks();
    int[][] orders = new int[n][n];
    for (int task = 0; task < n; task++) {
      for (int i = 0; i < n; i++) {
        // Inside-out Fisher-Yates: every permutation is as likely.
        int j = (int) (unit(round.seed(), round.round(), ORDERS, (long) task * n + i) * (i + 1));
        orders[task][i] = orders[task][j];
        orders[task][j] = i;
      }
    }
    return orders;
  }

  @Override
  public double[] normals(RoundStatistics round) {
    double[] normals = new double[round.tasks()];
    for (int i = 0; i < normals.length; i++) {
      // Box-Muller; the logarithm gets a number from (0, 1].
      double radius =
          Math.sqrt(-2 * StrictMath.log(1 - unit(round.seed(), round.round(), NORMALS, 2L * i)));
      double angle = 2 * Math.PI * unit(round.seed(), round.round(), NORMALS, 2L * i + 1);
      normals[i] = radius * StrictMath.cos(angle);
    }
    return normals;
  }

  @Override
  public double uniform(long seed, long round, long element) {
    return unit(seed, round, UNIFORMS, element);
  }

  private static double unit(long seed, long round, long purpose, long counter) {
    long hash = SplitMix64.next(seed);
    hash = SplitMix64.next(hash ^ round);
    hash = SplitMix64.next(hash ^ purpose);
    return SplitMix64.unit(SplitMix64.next(hash ^ counter));
  }
}
