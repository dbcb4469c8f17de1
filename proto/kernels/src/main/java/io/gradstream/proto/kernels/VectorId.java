package io.gradstream.proto.kernels;

/**
 * Names one of the {@link NamedVectors}.
 *
 * @param kind the purpose that the owner gives the vector, 0 to 255
 * @param index which of that kind, at least 0
 */
public record VectorId(int kind, int index) {
  public VectorId {
    if (kind < 0 || kind > 255 || index < 0) {
      throw new IllegalArgumentException("vector kind " + kind + ", index " + index);
    }
  }
}
