package io.gradstream.proto.kernels;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** How values travel: little-endian, one after the other, without padding. */
public enum ValueType {
  FLOAT32(4),
  BFLOAT16(2);

  /** One value of {@link #FLOAT32}, at any alignment. */
  public static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int bytes;

  ValueType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one value. */
  public int bytes() {
    return bytes;
  }
}
