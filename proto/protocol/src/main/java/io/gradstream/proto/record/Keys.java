package io.gradstream.proto.record;

import java.nio.ByteBuffer;

/** Record keys: a shard's index in 4 bytes, a round in 8, most significant byte first. */
public final class Keys {
  private Keys() {}

  public static byte[] shard(int shard) {
    return ByteBuffer.allocate(Integer.BYTES).putInt(shard).array();
  }

  public static byte[] round(long round) {
    return ByteBuffer.allocate(Long.BYTES).putLong(round).array();
  }
}
