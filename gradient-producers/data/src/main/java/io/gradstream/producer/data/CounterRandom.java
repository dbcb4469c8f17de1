package io.gradstream.producer.data;

import io.gradstream.proto.kernels.SplitMix64;

/**
 * Random numbers as a function of where they are used: number {@code i} of the stream named by a
 * key.
 *
 * <p>A stream is {@link SplitMix64} read at any position: its finalizer over {@code key + (i + 1) *
 * golden ratio}. A key is derived from the run's seed and a path of indices, mixed after each of
 * them. Nothing is kept between calls, so threads need no care and any number can be had without
 * those before it. Transcendental functions are {@link StrictMath}'s: the same bits on every
 * machine.
 */
public final class CounterRandom {
  private final long key;

  private CounterRandom(long key) {
    this.key = key;
  }

  /**
   * The stream that belongs to {@code path} (say purpose, task, micro-batch) under {@code seed}.
   */
  public static CounterRandom of(long seed, long... path) {
    long key = SplitMix64.next(seed);
    for (long step : path) {
      key = SplitMix64.finalizer(key ^ SplitMix64.next(step));
    }
    return new CounterRandom(key);
  }

  /** 64 random bits. */
  public long bits(long index) {
    return SplitMix64.next(key + index * SplitMix64.GOLDEN_RATIO);
  }

  /** Uniform in [0, 1), a multiple of 2^-53. */
  public double uniform(long index) {
    return SplitMix64.unit(bits(index));
  }

  /**
   * Standard normal (Box-Muller; number {@code index} uses uniforms {@code 2 * index} and the
   * next).
   */
  public double gaussian(long index) {
    double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - uniform(2 * index)));
    return radius * StrictMath.cos(2 * Math.PI * uniform(2 * index + 1));
  }
}
