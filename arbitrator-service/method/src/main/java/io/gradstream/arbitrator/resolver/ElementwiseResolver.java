package io.gradstream.arbitrator.resolver;

/**
 * A method that decides element by element, so that no weights describe it. Its {@link Resolution}
 * has no weights; whoever holds the values calls {@link #combine} for the update, shard by shard.
 * The norm of the update does not follow from the statistics.
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
