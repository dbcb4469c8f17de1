package io.gradstream.producer.data;

/**
 * Random numbers as a function of where they are used: number {@code i} of the stream named by a
 * key.
 *
 * <p>A stream is SplitMix64 read at any position: the finalizer of Steele, Lea and Flood ("Fast
 * Splittable Pseudorandom Number Generators", 2014, variant 13 of Stafford) over {@code key + (i +
 * 1) * golden ratio}. A key is derived from the run's seed and a path of indices, mixed after each
 * of them. Nothing is kept between calls, so threads need no care and any number can be had without
 * those before it. Transcendental functions are {@link StrictMath}'s: the same bits on every
 * machine.
 */
public final class CounterRandom {
  private static final long GOLDEN_RATIO = 0x9E3779B97F4A7C15L;
  private static final double TWO_TO_MINUS_53 = 0x1p-53;

  private final long key;

  private CounterRandom(long key) {
    this.key = key;
  }

  /**
   * The stream that belongs to {@code path} (say purpose, task, micro-batch) under {@code seed}.
   */
  public static CounterRandom of(long seed, long... path) {
    long key = mix(seed + GOLDEN_RATIO);
    for (long step : path) {
      key = mix(key ^ mix(step + GOLDEN_RATIO));
    }
    return new CounterRandom(key);
  }

  /** 64 random bits. */
  public long bits(long index) {
    return mix(key + (index + 1) * GOLDEN_RATIO);
  }

  /** Uniform in [0, 1), a multiple of 2^-53. */
  public double uniform(long index) {
    return (bits(index) >>> 11) * TWO_TO_MINUS_53;
  }

  /**
   * Standard normal (Box-Muller; number {@code index} uses uniforms {@code 2 * index} and the
   * next).
   */
  public double gaussian(long index) {
    double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - uniform(2 * index)));
    return radius * StrictMath.cos(2 * Math.PI * uniform(2 * index + 1));
  }

  private static long mix(long bits) {
    long z = bits;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
