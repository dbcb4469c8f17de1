package io.gradstream.arbitrator.resolver;

/**
 * A method that no weights describe: it decides element by element. Its {@link Resolution} has no
 * weights, and whoever holds the values asks {@link #combine} for the update, shard by shard. Since
 * the update is known only then, its norm cannot be had from the statistics.
 */
public interface ElementwiseResolver extends Resolver {

  /**
   * Combines a contiguous piece of the gradients. A pure function of its arguments, so that every
   * shard and every replay gives the same.
   *
   * @param seed the run's seed
   * @param round the round
   * @param firstElement position of the piece in the flat parameter vector
   * @param gradients N pieces of equal length, loss-weighted
   * @param update receives the combined piece
   */
  void combine(long seed, long round, long firstElement, double[][] gradients, double[] update);
}
