package io.gradstream.weights;

import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * One version of a run's weights.
 *
 * @param version number of optimizer steps behind it
 * @param values the flat vector, little-endian float32
 */
public record Weights(long version, MemorySegment values) {
  private static final long CHUNK = 64L << 20;

  /** SHA-256 of the values: two runs with the same digest are the same run, to the bit. */
  public String sha256() {
    try {
      final MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (long done = 0; done < values.byteSize(); done += CHUNK) {
        final long length = Math.min(CHUNK, values.byteSize() - done);
        digest.update(values.asSlice(done, length).asByteBuffer());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
