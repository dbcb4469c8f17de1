package io.gradstream.audit.archive;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.Arrays;

/**
 * How a segment file is laid out. All numbers are big-endian.
 *
 * <pre>
 * magic                             8 bytes, "GSLOG" and the version
 * length of the topic's name        2 bytes
 * topic                             UTF-8
 * partition                         4 bytes
 * then for each record, in order of offsets:
 *   CRC-32C of all that follows     4 bytes
 *   offset                          8 bytes
 *   timestamp                       8 bytes, milliseconds since 1970
 *   length of the key               4 bytes, -1 for none
 *   length of the value             4 bytes, -1 for none
 *   key
 *   value
 * </pre>
 */
final class SegmentFormat {
  private static final byte[] MAGIC = "GSLOG\0\0\1".getBytes(US_ASCII);

  /** Offset, timestamp and the two lengths. */
  static final int HEAD_BYTES = 2 * Long.BYTES + 2 * Integer.BYTES;

  /** Length of a key or a value that is not there. */
  static final int NOTHING = -1;

  private SegmentFormat() {}

  static byte[] magic() {
    return MAGIC.clone();
  }

  static boolean isMagic(byte[] bytes) {
    return Arrays.equals(bytes, MAGIC);
  }
}
