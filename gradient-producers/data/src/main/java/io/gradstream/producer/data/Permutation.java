package io.gradstream.producer.data;

/**
 * A seeded permutation of 0 to n - 1 of which any element can be had at once, without a table.
 *
 * <p>A balanced Feistel network permutes the smallest square power of two that holds n; an answer
 * outside of 0 to n - 1 is put in again until it is inside (cycle walking; fewer than four turns
 * are expected, since the square is smaller than 4 n). Black and Rogaway, "Ciphers with Arbitrary
 * Finite Domains", 2002.
 */
final class Permutation {
  private static final int FEISTEL_ROUNDS = 8;

  private final CounterRandom function;
  private final int size;
  private final int halfBits;

  Permutation(long seed, long epoch, int size) {
    this.function = CounterRandom.of(seed, RandomPurpose.ORDER, epoch);
    this.size = size;
    int bits = Math.max(2, 64 - Long.numberOfLeadingZeros(size - 1L));
    this.halfBits = (bits + 1) / 2;
  }

  /** The element at {@code position}, both in 0 to size - 1. */
  int at(int position) {
    long element = position;
    do {
      element = permuteSquare(element);
    } while (element >= size);
    return (int) element;
  }

  private long permuteSquare(long value) {
    long mask = (1L << halfBits) - 1;
    long left = value >>> halfBits;
    long right = value & mask;
    for (int round = 0; round < FEISTEL_ROUNDS; round++) {
      long next = left ^ (function.bits(((long) round << 32) | right) & mask);
      left = right;
      right = next;
    }
    return left << halfBits | right;
  }
}
