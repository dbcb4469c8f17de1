package io.gradstream.proto.record;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Record keys: a shard's index in 4 bytes, a round in 8, most significant byte first; the word seal
 * for the seals among the weights, of which compaction then keeps the newest of each partition.
 */
public final class Keys {
  private Keys() {}

  public static byte[] shard(int shard) {
    return ByteBuffer.allocate(Integer.BYTES).putInt(shard).array();
  }

  public static byte[] round(long round) {
    return ByteBuffer.allocate(Long.BYTES).putLong(round).array();
  }

  public static byte[] seal() {
    return "seal".getBytes(StandardCharsets.US_ASCII);
  }
}
