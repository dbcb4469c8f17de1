package io.gradstream.audit.parquet;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Type;
import org.apache.parquet.format.Util;
import org.jspecify.annotations.Nullable;

/**
 * A Parquet file that is being written: flat, row by row.
 *
 * <p>Rows are gathered into row groups, each with one compressed page a column; memory is that of
 * one row group. The file is no Parquet file before {@link #close} has written its footer. One
 * thread.
 */
public final class ParquetTable implements AutoCloseable {
  private static final byte[] MAGIC = "PAR1".getBytes(US_ASCII);
  private static final int GROUP_ROWS = 100_000;
  private static final int GROUP_BYTES = 8 * 1024 * 1024;

  private final List<Column> columns;
  private final OutputStream out;
  private final List<RowGroup> groups = new ArrayList<>();
  private List<Page> pages;
  private long position;
  private long rows;

  private ParquetTable(List<Column> columns, OutputStream out) throws IOException {
    this.columns = List.copyOf(columns);
    this.out = out;
    this.pages = columns.stream().map(Page::new).toList();
    write(MAGIC);
  }

  /**
   * Begins a file, in place of one that may be there.
   *
   * @throws IllegalArgumentException if two columns have one name, or there is none
   */
  public static ParquetTable create(Path file, List<Column> columns) throws IOException {
    final var names = new HashSet<String>();
    columns.forEach(column -> names.add(column.name()));
    if (columns.isEmpty() || names.size() < columns.size()) {
      throw new IllegalArgumentException("columns " + columns);
    }
    return new ParquetTable(columns, new BufferedOutputStream(Files.newOutputStream(file)));
  }

  /** Rows so far. */
  public long rows() {
    return rows;
  }

  /**
   * Adds a row.
   *
   * @param cells one for each column, of the type that its kind asks for; null for an empty one
   */
  public void add(@Nullable Object... cells) throws IOException {
    if (cells.length != columns.size()) {
      throw new IllegalArgumentException(cells.length + " cells for " + columns.size());
    }
    int bytes = 0;
    for (int i = 0; i < cells.length; i++) {
      pages.get(i).add(cells[i]);
      bytes += pages.get(i).bytes();
    }
    rows++;
    if (bytes >= GROUP_BYTES || pages.getFirst().cells() >= GROUP_ROWS) {
      endGroup();
    }
  }

  private void endGroup() throws IOException {
    final var chunks = new ArrayList<ColumnChunk>();
    final int cells = pages.getFirst().cells();
    long bytes = 0;
    for (int i = 0; i < pages.size(); i++) {
      final ColumnMetaData chunk = writeChunk(columns.get(i), pages.get(i));
      bytes += chunk.getTotal_uncompressed_size();
      chunks.add(new ColumnChunk(0).setMeta_data(chunk));
    }
    groups.add(new RowGroup(chunks, bytes, cells));
    pages = columns.stream().map(Page::new).toList();
  }

  private ColumnMetaData writeChunk(Column column, Page page) throws IOException {
    final long start = position;
    final byte[] body = page.body();
    final byte[] compressed = Page.compressed(body);
    final var header = new PageHeader(PageType.DATA_PAGE, body.length, compressed.length);
    header.setData_page_header(
        new DataPageHeader(page.cells(), Encoding.PLAIN, Encoding.RLE, Encoding.RLE));
    Util.writePageHeader(header, counted());
    final long headerBytes = position - start;
    write(compressed);
    return new ColumnMetaData(
        typeOf(column),
        List.of(Encoding.PLAIN, Encoding.RLE),
        List.of(column.name()),
        CompressionCodec.GZIP,
        page.cells(),
        headerBytes + body.length,
        headerBytes + compressed.length,
        start);
  }

  private static Type typeOf(Column column) {
    return switch (column.kind()) {
      case INTEGER, TIME -> Type.INT64;
      case NUMBER -> Type.DOUBLE;
      case FLAG -> Type.BOOLEAN;
      case TEXT -> Type.BYTE_ARRAY;
    };
  }

  private List<SchemaElement> schema() {
    final var schema = new ArrayList<SchemaElement>();
    schema.add(new SchemaElement("table").setNum_children(columns.size()));
    for (final Column column : columns) {
      final var element =
          new SchemaElement(column.name())
              .setType(typeOf(column))
              .setRepetition_type(FieldRepetitionType.OPTIONAL);
      switch (column.kind()) {
        case TEXT -> element.setConverted_type(ConvertedType.UTF8);
        case TIME -> element.setConverted_type(ConvertedType.TIMESTAMP_MILLIS);
        case INTEGER, NUMBER, FLAG -> {}
      }
      schema.add(element);
    }
    return schema;
  }

  /** Writes the footer and closes the file. */
  @Override
  public void close() throws IOException {
    try (out) {
      if (pages.getFirst().cells() > 0) {
        endGroup();
      }
      final long footer = position;
      Util.writeFileMetaData(
          new FileMetaData(1, schema(), rows, groups).setCreated_by("gradstream"), counted());
      final int length = Math.toIntExact(position - footer);
      write(
          ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(length).array());
      write(MAGIC);
    }
  }

  private void write(byte[] bytes) throws IOException {
    out.write(bytes);
    position += bytes.length;
  }

  /** The file for those who write by themselves; offsets go on counting. */
  private OutputStream counted() {
    return new OutputStream() {
      @Override
      public void write(int value) throws IOException {
        out.write(value);
        position++;
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        out.write(bytes, from, length);
        position += length;
      }
    };
  }
}
