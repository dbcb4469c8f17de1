package io.gradstream.audit.archive;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** Writes one segment file; see {@link SegmentFormat}. One thread. */
final class SegmentWriter implements AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 16;

  private final Path file;
  private final DigestOutputStream digest;
  private final DataOutputStream out;
  private final long first;
  private long last;
  private long records;

  /**
   * Begins a segment.
   *
   * @param first offset of its first record
   */
  SegmentWriter(Path file, TopicPartition source, long first) throws IOException {
    this.file = file;
    this.first = first;
    this.last = first;
    this.digest = new DigestOutputStream(Files.newOutputStream(file), Digests.sha256());
    this.out = new DataOutputStream(new BufferedOutputStream(digest, BUFFER_BYTES));
    final byte[] topic = source.topic().getBytes(UTF_8);
    out.write(SegmentFormat.magic());
    out.writeShort(topic.length);
    out.write(topic);
    out.writeInt(source.partition());
  }

  void add(LogRecord record) throws IOException {
    final byte[] head =
        ByteBuffer.allocate(SegmentFormat.HEAD_BYTES)
            .putLong(record.offset())
            .putLong(record.timestamp())
            .putInt(length(record.key()))
            .putInt(length(record.value()))
            .array();
    final var crc = new CRC32C();
    final List<byte[]> parts =
        Stream.of(head, record.key(), record.value()).filter(Objects::nonNull).toList();
    parts.forEach(crc::update);
    out.writeInt((int) crc.getValue());
    for (final byte[] part : parts) {
      out.write(part);
    }
    last = record.offset();
    records++;
  }

  private static int length(byte @Nullable [] part) {
    return part == null ? SegmentFormat.NOTHING : part.length;
  }

  /** Bytes so far. */
  long bytes() {
    return out.size();
  }

  /** Ends the segment and tells what it holds. */
  Inventory.Segment finish(Path root) throws IOException {
    close();
    return new Inventory.Segment(
        Inventory.nameOf(root, file),
        first,
        last,
        records,
        Files.size(file),
        HexFormat.of().formatHex(digest.getMessageDigest().digest()));
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
