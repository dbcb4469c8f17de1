package io.gradstream.proto.run;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.FileChunk;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.topic.Topics;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.TopicPartition;

/**
 * Files that travel with a run, such as the model's: in chunks on topic {@code spec}, before the
 * run's own record.
 *
 * <p>What is read is believed only if it has the SHA-256 that the run's record gives, so whoever
 * can write to the topic cannot change a file. No more memory is taken than the file's size there,
 * whatever chunks say.
 */
public final class RunFiles {
  /** Bytes of a chunk at most; its record fits a stock broker. */
  static final int CHUNK = 512 * 1024;

  private RunFiles() {}

  /** What the run's record says of a file. */
  public static RunRecord.File entry(String name, ByteString content) {
    return RunRecord.File.newBuilder()
        .setName(name)
        .setBytes(content.size())
        .setSha256(Digests.of(content))
        .build();
  }

  /** The records that carry a file, in order. */
  public static List<byte[]> chunks(ByteString content) {
    final ByteString digest = Digests.of(content);
    final List<byte[]> records = new ArrayList<>();
    for (int offset = 0; offset < content.size(); offset += CHUNK) {
      final int end = Math.min(content.size(), offset + CHUNK);
      records.add(
          FileChunk.newBuilder()
              .setFile(digest)
              .setOffset(offset)
              .setContent(content.substring(offset, end))
              .build()
              .toByteArray());
    }
    return records;
  }

  /**
   * Reads a file that the run's record names.
   *
   * @param maxBytes what it may have at most; compared with the record before anything is read
   * @throws UserError if the record names no such file, it is larger, or the topic has not all of
   *     it
   */
  public static ByteString read(RunLog log, String name, long maxBytes) {
    final String run = log.run().spec().run();
    final RunRecord.File entry =
        log.run().provenance().getFilesList().stream()
            .filter(file -> file.getName().equals(name))
            .findFirst()
            .orElseThrow(
                () -> new UserError("run %s has no file %s in its record".formatted(run, name)));
    if (entry.getBytes() < 0 || entry.getBytes() > maxBytes) {
      throw new UserError(
          "run %s: %s has %,d bytes, more than the %,d that model.max-file-mb allows"
              .formatted(run, name, entry.getBytes(), maxBytes));
    }
    final byte[] content = new byte[Math.toIntExact(entry.getBytes())];
    final boolean[] isFilled = new boolean[(content.length + CHUNK - 1) / CHUNK];
    final var partition = new TopicPartition(Topics.spec(run), 0);
    try (LogCursor cursor = log.read(partition, 0)) {
      for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
        fill(content, isFilled, entry, next.bytes());
      }
    }
    final ByteString whole = ByteString.copyFrom(content);
    if (!Digests.of(whole).equals(entry.getSha256())) {
      throw new UserError(
          "topic %s has not all of %s, or other bytes than the run's record says (SHA-256); submit the run again under another name"
              .formatted(partition.topic(), name));
    }
    return whole;
  }

  /** The first chunk for a place counts, as the first run record does. */
  private static void fill(
      byte[] content, boolean[] isFilled, RunRecord.File entry, byte[] record) {
    final FileChunk chunk;
    try {
      chunk = FileChunk.parseFrom(record);
    } catch (InvalidProtocolBufferException e) {
      return; // somebody else's
    }
    final long offset = chunk.getOffset();
    if (!chunk.getFile().equals(entry.getSha256())
        || offset < 0
        || offset >= content.length
        || offset % CHUNK != 0) {
      return;
    }
    final int place = (int) (offset / CHUNK);
    final int length = Math.min(CHUNK, content.length - (int) offset);
    if (!isFilled[place] && chunk.getContent().size() == length) {
      chunk.getContent().copyTo(content, (int) offset);
      isFilled[place] = true;
    }
  }

  /** Whether a record on a spec topic is a chunk of a file, and not a run's own record. */
  public static boolean isChunk(byte[] record) {
    try {
      return !FileChunk.parseFrom(record).getFile().isEmpty();
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }
}
