package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256. */
public final class Digests {
  /** Bytes of a digest. */
  public static final int BYTES = 32;

  private Digests() {}

  /** The digest of some bytes. */
  public static ByteString sha256(ByteString bytes) {
    final MessageDigest sha256 = sha256();
    sha256.update(bytes.asReadOnlyByteBuffer());
    return ByteString.copyFrom(sha256.digest());
  }

  /** A digest that is still to be fed. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
