package io.gradstream.producer.data;

import io.gradstream.proto.UserError;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;

/**
 * Reads MNIST's file format: a big-endian magic number that says type and dimensions, the length of
 * each dimension, then one byte a value. Plain and gzip files are told apart by their first bytes.
 *
 * @param lengths of the dimensions, 1 (labels) or 3 (images) of them
 * @param values as many bytes as the product of the lengths
 */
record IdxFile(int[] lengths, byte[] values) {
  /** Unsigned bytes, one dimension. */
  static final int LABELS = 0x0801;

  /** Unsigned bytes, three dimensions: image, row, column. */
  static final int IMAGES = 0x0803;

  /**
   * Reads all of a stream and closes it.
   *
   * @param name of the file, for messages
   * @param magic what the file must be, {@link #LABELS} or {@link #IMAGES}
   * @throws UserError when it is something else, is cut short, or cannot be read
   */
  static IdxFile read(String name, InputStream stream, int magic) {
    try (var file = new DataInputStream(new BufferedInputStream(decompressed(stream), 1 << 16))) {
      int found = file.readInt();
      if (found != magic) {
        throw new UserError(
            "%s: magic number 0x%08x expected, 0x%08x found: not an idx file of %s"
                .formatted(name, magic, found, magic == IMAGES ? "images" : "labels"));
      }
      var lengths = new int[magic & 0xFF];
      long size = 1;
      for (int d = 0; d < lengths.length; d++) {
        lengths[d] = file.readInt();
        size = lengths[d] < 1 || size < 0 ? -1 : size * lengths[d];
        if (size < 1 || size > Integer.MAX_VALUE - 8) {
          throw new UserError(
              "%s: dimension %d has length %d: between 1 byte and 2 GiB in all is possible"
                  .formatted(name, d, lengths[d]));
        }
      }
      byte[] values = file.readNBytes((int) size);
      if (values.length < size || file.read() >= 0) {
        throw new UserError(
            "%s: %d bytes after the header expected, %s found: copy the file again"
                .formatted(name, size, values.length < size ? values.length : "more"));
      }
      return new IdxFile(lengths, values);
    } catch (EOFException e) {
      throw new UserError(name + ": the file is cut short: copy it again", e);
    } catch (IOException e) {
      throw new UserError(name + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static InputStream decompressed(InputStream stream) throws IOException {
    var buffered = new BufferedInputStream(stream);
    buffered.mark(2);
    boolean gzip = buffered.read() == 0x1F && buffered.read() == 0x8B;
    buffered.reset();
    return gzip ? new GZIPInputStream(buffered, 1 << 16) : buffered;
  }
}
