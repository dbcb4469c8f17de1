package io.gradstream.arbitrator.resolver;

/**
 * Where random methods get their numbers from: in a run from {@link SeededRandomSource}, whose
 * numbers follow from seed and round alone; offline also from the case that is run.
 */
public interface RandomSource {

  /**
   * For each task i a permutation of 0 to N-1: the order in which PCGrad visits the others for i.
   */
  int[][] visitingOrders(RoundStatistics round);

  /** N independent standard normal numbers. */
  double[] normals(RoundStatistics round);

  /** A number from [0, 1) for one element of the flat parameter vector. */
  double uniform(long seed, long round, long element);
}
