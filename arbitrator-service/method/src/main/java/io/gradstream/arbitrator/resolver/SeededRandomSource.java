package io.gradstream.arbitrator.resolver;

/**
 * Random numbers by counting instead of by state: number k of a round is a hash of (seed, round,
 * purpose, k), so that every partition, every restart and every replay draws the same, in any
 * order.
 *
 * <p>The hash is the finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
 * number generators", 2014), applied once for each word of the key.
 */
public final class SeededRandomSource implements RandomSource {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;
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
    long hash = mix(mix(mix(mix(seed) ^ round) ^ purpose) ^ counter);
    return (hash >>> 11) * 0x1p-53;
  }

  private static long mix(long word) {
    long z = word + GOLDEN;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
