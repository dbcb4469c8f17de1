package io.gradstream.producer.data;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;

/**
 * Labelled grey images of one size. Immutable and shared by all workers of a process.
 *
 * <p>Pixels go row after row, 0 (black) to 255; labels are 0 to 255, and an image has one for each
 * of the set's {@link #labels() names}.
 */
public interface ImageSet {
  /** Number of images. */
  int size();

  /** Rows of an image. */
  int height();

  /** Columns of an image. */
  int width();

  /** Brightness of a pixel of an image, 0 (black) to 255. */
  int brightness(int image, int y, int x);

  /** What an image's labels are called, such as {@code label}. */
  List<String> labels();

  /**
   * One label of an image.
   *
   * @param which its position in {@link #labels()}
   */
  int label(int which, int image);

  /** Brightness in [0, 1] of a pixel of an image. */
  default float pixel(int image, int y, int x) {
    return brightness(image, y, x) / 255f;
  }

  /** How many pixels of the set have each brightness, 256 counts. */
  default long[] histogram() {
    final long[] counts = new long[256];
    for (int image = 0; image < size(); image++) {
      for (int y = 0; y < height(); y++) {
        for (int x = 0; x < width(); x++) {
          counts[brightness(image, y, x)]++;
        }
      }
    }
    return counts;
  }

  /**
   * Takes all images into a digest: image after image its pixels, row after row, and its labels, a
   * byte each.
   */
  default void addTo(MessageDigest digest) {
    for (int image = 0; image < size(); image++) {
      addTo(digest, image);
    }
  }

  /** Takes one image into a digest, as {@link #addTo(MessageDigest)} does. */
  default void addTo(MessageDigest digest, int image) {
    final byte[] sample = new byte[height() * width() + labels().size()];
    copyPixels(image, sample);
    for (int which = 0; which < labels().size(); which++) {
      sample[height() * width() + which] = (byte) label(which, image);
    }
    digest.update(sample);
  }

  /**
   * Writes the pixels of an image, row after row, a byte each.
   *
   * @param into at least height x width bytes, of which the first are written
   */
  default void copyPixels(int image, byte[] into) {
    int at = 0;
    for (int y = 0; y < height(); y++) {
      for (int x = 0; x < width(); x++) {
        into[at++] = (byte) brightness(image, y, x);
      }
    }
  }

  /**
   * SHA-256 of some samples, by which an auditor can tell that a batch was another: the text {@code
   * gradstream batch}; the number of images, height and width (4 bytes each, big-endian) and the
   * images as {@link #addTo} has them.
   */
  default byte[] digestOf(int[] samples) {
    final MessageDigest digest = ImageData.sha256();
    digest.update("gradstream batch".getBytes(StandardCharsets.US_ASCII));
    final var header = ByteBuffer.allocate(3 * Integer.BYTES);
    digest.update(header.putInt(samples.length).putInt(height()).putInt(width()).flip());
    for (final int sample : samples) {
      addTo(digest, sample);
    }
    return digest.digest();
  }
}
