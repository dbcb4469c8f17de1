package io.gradstream.proto.kernels;

/**
 * The finalizer of SplitMix64, from which everything random in a run is made: a bijection of 64
 * bits that changes about half of them when one input bit changes (Steele, Lea and Flood, "Fast
 * Splittable Pseudorandom Number Generators", 2014, with the constants of Stafford's variant 13).
 *
 * <p>Random numbers here are functions of where they are used (seed, round, position), never of a
 * state, so that every restart and every replay draws the same in any order.
 */
public final class SplitMix64 {
  /** 2^64 over the golden ratio: the step from one state of SplitMix64 to the next. */
  public static final long GOLDEN_RATIO = 0x9E3779B97F4A7C15L;

  private SplitMix64() {}

  /** The finalizer; 0 stays 0. */
  public static long finalizer(long bits) {
    long z = bits;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** The number that SplitMix64 gives from this state: the finalizer of the next state. */
  public static long next(long state) {
    return finalizer(state + GOLDEN_RATIO);
  }

  /** The upper 53 of 64 random bits as a number from [0, 1), a multiple of 2^-53. */
  public static double unit(long bits) {
    return (bits >>> 11) * 0x1p-53;
  }
}
