package io.gradstream.proto.kernels;

/** How values travel: little-endian, one after the other, without padding. */
public enum ValueType {
  FLOAT32(4),
  BFLOAT16(2);

  private final int bytes;

  ValueType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one value. */
  public int bytes() {
    return bytes;
  }
}
