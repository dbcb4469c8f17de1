package io.gradstream.proto.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SplitMix64Test {

  /** The first numbers of SplitMix64 from the seed 1234567, as its authors' C code prints them. */
  @Test
  void givesTheNumbersOfThePublishedGenerator() {
    long state = 1234567;
    long[] expected = {
      6457827717110365317L, 3203168211198807973L, Long.parseUnsignedLong("9817491932198370423")
    };
    for (long number : expected) {
      assertThat(SplitMix64.next(state)).isEqualTo(number);
      state += SplitMix64.GOLDEN_RATIO;
    }
  }

  @Test
  void unitIsBelowOneEvenForAllBitsSet() {
    assertThat(SplitMix64.unit(-1)).isEqualTo(1 - 0x1p-53);
    assertThat(SplitMix64.unit(0)).isZero();
  }
}
