package io.gradstream.proto.streams;

import io.gradstream.proto.kernels.VectorId;
import java.nio.ByteBuffer;
import org.apache.kafka.common.utils.Bytes;

/**
 * The key of a record in an {@link InPlaceStore}'s changelog.
 *
 * @param writer the instance that wrote it; a random number, so that no two instances share a key
 * @param part which part of the store the record holds
 * @param side 0 or 1: everything is written to two keys in turn, so that the copy that counts is
 *     never overwritten
 * @param id the vector; of a piece of a commit's contents, kind 0 and the number of the piece
 */
record ChangelogKey(long writer, Part part, int side, VectorId id) {
  private static final int BYTES = Long.BYTES + 2 + Integer.BYTES;
  private static final VectorId NONE = new VectorId(0, 0);

  /** What a record holds. The order is that of the bytes on the log. */
  enum Part {
    VECTOR,
    COMMIT,
    CONTENTS
  }

  static ChangelogKey vector(long writer, int side, VectorId id) {
    return new ChangelogKey(writer, Part.VECTOR, side, id);
  }

  static ChangelogKey contents(long writer, int side, int piece) {
    return new ChangelogKey(writer, Part.CONTENTS, side, new VectorId(0, piece));
  }

  static ChangelogKey commit(long writer, int side) {
    return new ChangelogKey(writer, Part.COMMIT, side, NONE);
  }

  /**
   * Reads a key.
   *
   * @throws IllegalStateException when no store wrote it
   */
  static ChangelogKey of(byte[] key) {
    if (key.length != BYTES) {
      throw new IllegalStateException("a changelog key of " + key.length + " bytes");
    }
    final ByteBuffer fields = ByteBuffer.wrap(key);
    final long writer = fields.getLong();
    final int place = Byte.toUnsignedInt(fields.get());
    if (place >= 2 * Part.values().length) {
      throw new IllegalStateException("a changelog key of an unknown kind, " + place);
    }
    final var id = new VectorId(Byte.toUnsignedInt(fields.get()), fields.getInt());
    return new ChangelogKey(writer, Part.values()[place / 2], place % 2, id);
  }

  @SuppressWarnings("EnumOrdinal") // the order of the parts is part of the format
  Bytes bytes() {
    final byte[] key = new byte[BYTES];
    ByteBuffer.wrap(key)
        .putLong(writer)
        .put((byte) (2 * part.ordinal() + side))
        .put((byte) id.kind())
        .putInt(id.index());
    return Bytes.wrap(key);
  }
}
