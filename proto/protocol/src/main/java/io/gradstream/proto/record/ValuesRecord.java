package io.gradstream.proto.record;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import com.google.protobuf.UnsafeByteOperations;
import com.google.protobuf.WireFormat;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.message.DataType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A protobuf message with a vector, read and written without copying the vector.
 *
 * <p>{@code GradientShard}, {@code UpdateShard} and {@code WeightShard} have {@code bytes values =
 * 15}. This class writes the values at the end of the record; another protobuf library may write
 * fields with higher numbers after them. The reader parses the bytes around the values as the
 * message without its values, and takes the values as a slice of the record. The writer gets one
 * byte array of the exact size with the header in place, and fills in the values itself. Either way
 * the record is an ordinary protobuf message.
 *
 * @param <H> the message type
 * @param header the message without its values
 * @param values the values' bytes inside the record
 */
public record ValuesRecord<H extends MessageLite>(H header, MemorySegment values) {
  private static final int VALUES_FIELD = 15;
  private static final int VALUES_TAG = (VALUES_FIELD << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED;

  /**
   * Reads a record in place.
   *
   * @throws MalformedRecordException when it is null or no such message, or its values are missing,
   *     there twice or cut short
   */
  public static <H extends MessageLite> ValuesRecord<H> read(
      byte @Nullable [] record, Parser<H> parser) throws MalformedRecordException {
    if (record == null) {
      throw new MalformedRecordException("an empty record");
    }
    try {
      final CodedInputStream in = UnsafeByteOperations.unsafeWrap(record).newCodedInput();
      int start = -1;
      int from = 0;
      int to = 0;
      while (true) {
        final int at = in.getTotalBytesRead();
        final int tag = in.readTag();
        if (tag == 0) {
          break;
        }
        if (tag != VALUES_TAG) {
          if (!in.skipField(tag)) {
            throw new MalformedRecordException("not a protobuf message");
          }
          continue;
        }
        if (start >= 0) {
          throw new MalformedRecordException("values twice");
        }
        final int length = in.readRawVarint32();
        start = at;
        from = in.getTotalBytesRead();
        if (length < 0 || length > record.length - from) {
          throw new MalformedRecordException(
              "values announce %d bytes, %d follow"
                  .formatted(Integer.toUnsignedLong(length), record.length - from));
        }
        to = from + length;
        in.skipRawBytes(length);
      }
      if (start < 0) {
        throw new MalformedRecordException("no values");
      }
      return new ValuesRecord<>(
          parser.parseFrom(around(record, start, to)),
          MemorySegment.ofArray(record).asSlice(from, to - from));
    } catch (IOException e) {
      throw new MalformedRecordException("not a protobuf message: " + e.getMessage());
    }
  }

  /** The header's bytes: what stands before the values and, in records of others, behind them. */
  private static byte[] around(byte[] record, int before, int after) {
    final byte[] header = Arrays.copyOf(record, before + record.length - after);
    System.arraycopy(record, after, header, before, record.length - after);
    return header;
  }

  /** A record with the header in front and zeroed room for {@code valueBytes} bytes of values. */
  public static byte[] allocate(MessageLite header, int valueBytes) {
    final int headerBytes = header.getSerializedSize();
    final int prefix =
        CodedOutputStream.computeTagSize(VALUES_FIELD)
            + CodedOutputStream.computeUInt32SizeNoTag(valueBytes);
    final byte[] record = new byte[headerBytes + prefix + valueBytes];
    try {
      final CodedOutputStream out = CodedOutputStream.newInstance(record, 0, headerBytes + prefix);
      header.writeTo(out);
      out.writeTag(VALUES_FIELD, WireFormat.WIRETYPE_LENGTH_DELIMITED);
      out.writeUInt32NoTag(valueBytes);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new IllegalStateException("an array of exact size has room", e);
    }
    return record;
  }

  /**
   * Writes a header over the one that a record was allocated with, such as one whose digest is now
   * known.
   *
   * @param header of the same size as the first
   */
  public static void replaceHeader(byte[] record, MessageLite header) {
    try {
      final int headerBytes = header.getSerializedSize();
      final CodedOutputStream out = CodedOutputStream.newInstance(record, 0, headerBytes);
      header.writeTo(out);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new IllegalStateException("an array of exact size has room", e);
    }
  }

  /** The last {@code valueBytes} bytes of a record made by {@link #allocate}. */
  public static MemorySegment valuesOf(byte[] record, int valueBytes) {
    return MemorySegment.ofArray(record).asSlice(record.length - valueBytes, valueBytes);
  }

  /**
   * How the values travel.
   *
   * @throws MalformedRecordException for a type that this version does not know
   */
  public static ValueType typeOf(DataType type) throws MalformedRecordException {
    return switch (type) {
      case FLOAT32 -> ValueType.FLOAT32;
      case BFLOAT16 -> ValueType.BFLOAT16;
      case DATA_TYPE_UNSPECIFIED, UNRECOGNIZED ->
          throw new MalformedRecordException("unknown value type " + type);
    };
  }

  public static DataType typeOf(ValueType type) {
    return switch (type) {
      case FLOAT32 -> DataType.FLOAT32;
      case BFLOAT16 -> DataType.BFLOAT16;
    };
  }
}
