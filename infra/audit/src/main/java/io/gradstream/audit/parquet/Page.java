package io.gradstream.audit.parquet;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * The cells of one column of a row group, as the body of a Parquet data page.
 *
 * <p>Format (https://parquet.apache.org/docs/file-format/data-pages/): the definition levels, 1 for
 * a cell and 0 for an empty one, as runs; then the values that are there in plain encoding: 8 bytes
 * little-endian for numbers, length and UTF-8 for text, one bit for a flag. Together they are
 * compressed.
 */
final class Page {
  private final Column column;
  private final ByteArrayOutputStream values = new ByteArrayOutputStream();
  private final ByteArrayOutputStream levels = new ByteArrayOutputStream();
  private int runLength;
  private boolean runOfCells;
  private int flags;
  private int flagBits;
  private int cells;

  Page(Column column) {
    this.column = column;
  }

  /** Number of cells, empty ones included. */
  int cells() {
    return cells;
  }

  /** Bytes of the values so far, before compression. */
  int bytes() {
    return values.size();
  }

  void add(@Nullable Object cell) {
    final boolean there = cell != null;
    if (runLength > 0 && there != runOfCells) {
      endRun();
    }
    runOfCells = there;
    runLength++;
    cells++;
    if (cell != null) {
      addValue(cell);
    }
  }

  private void addValue(Object cell) {
    switch (column.kind()) {
      case INTEGER, TIME -> write(((Number) cell).longValue());
      case NUMBER -> write(Double.doubleToRawLongBits((Double) cell));
      case TEXT -> {
        final byte[] text = ((String) cell).getBytes(UTF_8);
        writeInt(values, text.length);
        values.writeBytes(text);
      }
      case FLAG -> addFlag((Boolean) cell);
    }
  }

  private void write(long value) {
    values.writeBytes(
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }

  private static void writeInt(ByteArrayOutputStream out, int value) {
    out.writeBytes(
        ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  private void addFlag(boolean flag) {
    flags |= (flag ? 1 : 0) << flagBits;
    flagBits++;
    if (flagBits == Byte.SIZE) {
      endFlags();
    }
  }

  private void endFlags() {
    values.write(flags);
    flags = 0;
    flagBits = 0;
  }

  /** A run of the hybrid encoding: twice its length as a varint, then the level that repeats. */
  private void endRun() {
    int header = runLength << 1;
    while (header > 0x7f) {
      levels.write((header & 0x7f) | 0x80);
      header >>>= 7;
    }
    levels.write(header);
    levels.write(runOfCells ? 1 : 0);
    runLength = 0;
  }

  /** The page before compression; nothing may be added after it. */
  byte[] body() {
    if (runLength > 0) {
      endRun();
    }
    if (flagBits > 0) {
      endFlags();
    }
    final var body = new ByteArrayOutputStream();
    writeInt(body, levels.size());
    body.writeBytes(levels.toByteArray());
    body.writeBytes(values.toByteArray());
    return body.toByteArray();
  }

  static byte[] compressed(byte[] body) {
    final var bytes = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(bytes)) {
      gzip.write(body);
    } catch (IOException e) {
      throw new UncheckedIOException("memory does not fail", e);
    }
    return bytes.toByteArray();
  }
}
