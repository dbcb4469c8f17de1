package io.gradstream.submission.weights;

import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;

/**
 * One version of a run's weights.
 *
 * @param version number of optimizer steps behind it
 * @param values the flat vector, little-endian float32
 */
public record Weights(long version, MemorySegment values) {
  /** SHA-256 of the values: two runs with the same digest are the same run, to the bit. */
  public String sha256() {
    return sha256(ValueType.FLOAT32);
  }

  /** The values in float32, or rounded to bfloat16. */
  public MemorySegment valuesAs(ValueType type) {
    if (type == ValueType.FLOAT32) {
      return values;
    }
    final long count = values.byteSize() / Float.BYTES;
    final MemorySegment rounded = Arena.ofAuto().allocate(count * type.bytes(), Float.BYTES);
    Kernels.best().convert(rounded, type, values, ValueType.FLOAT32, count);
    return rounded;
  }

  /** SHA-256 of the values in a type. */
  public String sha256(ValueType type) {
    return HexFormat.of().formatHex(Digests.of(valuesAs(type)).toByteArray());
  }
}
