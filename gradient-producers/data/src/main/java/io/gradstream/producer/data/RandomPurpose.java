package io.gradstream.producer.data;

/**
 * First step of a random stream's path: what the numbers are for. Numbers are part of a run's bits.
 */
public final class RandomPurpose {
  /** Order of the training samples in an epoch. */
  public static final long ORDER = 1;

  /** Initial weights. */
  public static final long WEIGHTS = 2;

  /** Masked patches of a training micro-batch. */
  public static final long MASK = 3;

  /** Masked patches of a held-out sample. */
  public static final long VALIDATION_MASK = 4;

  /** Shape of an analytic problem. */
  public static final long PROBLEM = 5;

  /** Noise on an analytic gradient. */
  public static final long NOISE = 6;

  private RandomPurpose() {}
}
