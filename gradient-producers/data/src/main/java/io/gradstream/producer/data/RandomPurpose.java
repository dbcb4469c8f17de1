package io.gradstream.producer.data;

/**
 * What random numbers are drawn for: the first step of a {@link CounterRandom}'s path. The values
 * decide a run's bits and never change.
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

  /** What fingerprints of arithmetic are taken on. */
  public static final long ARITHMETIC = 7;

  /** The generators of a script, before each of its batches. */
  public static final long SCRIPT = 8;

  private RandomPurpose() {}
}
