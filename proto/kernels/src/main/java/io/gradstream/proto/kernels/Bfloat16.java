package io.gradstream.proto.kernels;

/** The upper half of a float32, as a short. */
public final class Bfloat16 {
  private Bfloat16() {}

  /** The float32 of the same value. Exact. */
  public static float toFloat(short value) {
    return Float.intBitsToFloat(value << 16);
  }

  /**
   * Rounds to the nearest, ties to even. Beyond the largest finite value comes Infinity; NaN stays
   * a (quiet) NaN, with its sign and the upper bits of its payload.
   */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }
}
