package io.gradstream.audit.archive;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Reads one segment file from its beginning; see {@link SegmentFormat}.
 *
 * <p>Every record is checked against its own checksum before it is handed over; at the end, the
 * whole file against the inventory's. One thread.
 */
final class SegmentCursor implements LogCursor {
  private static final int BUFFER_BYTES = 1 << 18;

  private final Path file;
  private final TopicPartition source;
  private final Inventory.Segment segment;
  private final DigestInputStream digest;
  private final DataInputStream in;
  private long left;
  private boolean ended;

  /**
   * Opens a segment.
   *
   * @throws UserError if the file is missing or is not that segment
   */
  SegmentCursor(Path root, TopicPartition source, Inventory.Segment segment) {
    this.file = root.resolve(segment.file());
    this.source = source;
    this.segment = segment;
    this.left = segment.records();
    this.digest = new DigestInputStream(open(file), Digests.sha256());
    this.in = new DataInputStream(new BufferedInputStream(digest, BUFFER_BYTES));
    try {
      readHeader();
    } catch (IOException e) {
      throw damaged("its beginning is unreadable (" + e + ")");
    }
  }

  private static InputStream open(Path file) {
    try {
      return Files.newInputStream(file);
    } catch (IOException e) {
      throw new UserError(
          "archive file %s cannot be read (%s); bring it back from a copy of the archive"
              .formatted(file, e),
          e);
    }
  }

  private void readHeader() throws IOException {
    final boolean known = SegmentFormat.isMagic(in.readNBytes(SegmentFormat.magic().length));
    if (!known) {
      throw damaged("it does not begin as a segment does");
    }
    final String topic = new String(in.readNBytes(in.readUnsignedShort()), UTF_8);
    final int partition = in.readInt();
    if (!topic.equals(source.topic()) || partition != source.partition()) {
      throw damaged("it holds records of " + topic + "-" + partition);
    }
  }

  @Override
  public @Nullable LogRecord next() {
    try {
      if (left == 0) {
        if (!ended) {
          requireWholeFile();
          ended = true;
        }
        return null;
      }
      left--;
      return read();
    } catch (EOFException e) {
      throw damaged("it ends before its last record");
    } catch (IOException e) {
      throw damaged("it cannot be read (" + e + ")");
    }
  }

  private LogRecord read() throws IOException {
    final int expected = in.readInt();
    final byte[] bytes = new byte[SegmentFormat.HEAD_BYTES];
    in.readFully(bytes);
    final ByteBuffer head = ByteBuffer.wrap(bytes);
    final long offset = head.getLong();
    final long timestamp = head.getLong();
    final int keyLength = head.getInt();
    final int valueLength = head.getInt();
    final var crc = new CRC32C();
    crc.update(bytes);
    final byte[] key = read(keyLength, crc);
    final byte[] value = read(valueLength, crc);
    if ((int) crc.getValue() != expected) {
      throw damaged("the record at offset " + offset + " does not have its checksum");
    }
    return new LogRecord(source, offset, timestamp, key, value);
  }

  private byte @Nullable [] read(int length, CRC32C crc) throws IOException {
    if (length < SegmentFormat.NOTHING || length > segment.bytes()) {
      throw damaged("its record " + (segment.records() - left) + " has an impossible length");
    }
    if (length == SegmentFormat.NOTHING) {
      return null;
    }
    final byte[] bytes = new byte[length];
    in.readFully(bytes);
    crc.update(bytes);
    return bytes;
  }

  private void requireWholeFile() throws IOException {
    if (in.read() >= 0) {
      throw damaged("it goes on after its last record");
    }
    final String found = HexFormat.of().formatHex(digest.getMessageDigest().digest());
    if (!found.equals(segment.sha256())) {
      throw damaged("its SHA-256 is " + found + ", not " + segment.sha256());
    }
  }

  private UserError damaged(String how) {
    return new UserError(
        "archive file %s (%s, offsets %d to %d) is damaged: %s; bring it back from a copy of the archive"
            .formatted(file, source, segment.first(), segment.last(), how));
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw damaged("it cannot be closed (" + e + ")");
    }
  }
}
