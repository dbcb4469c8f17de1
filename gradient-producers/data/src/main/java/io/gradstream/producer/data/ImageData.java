package io.gradstream.producer.data;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The images that a run is trained and validated on.
 *
 * @param training at least one image
 * @param heldOut images that training never sees, of the same size; may be none
 * @param mean brightness of the training pixels, in [0, 1]
 * @param deviation standard deviation of the training pixels, above 0
 */
public record ImageData(ImageSet training, ImageSet heldOut, float mean, float deviation) {
  /** Measures mean and deviation; exact sums, so the same bits everywhere. */
  public static ImageData of(ImageSet training, ImageSet heldOut) {
    long[] histogram = training.histogram();
    long pixels = 0;
    long sum = 0;
    long squares = 0;
    for (int value = 0; value < histogram.length; value++) {
      pixels += histogram[value];
      sum += value * histogram[value];
      squares += (long) value * value * histogram[value];
    }
    double mean = (double) sum / pixels;
    double variance = Math.max((double) squares / pixels - mean * mean, 1);
    return new ImageData(
        training, heldOut, (float) (mean / 255), (float) (Math.sqrt(variance) / 255));
  }

  /**
   * SHA-256 of all samples, by which two workers can tell that they have the same data: the text
   * {@code gradstream images}; then of the training and the held-out part each the number of
   * images, height and width (4 bytes each, big-endian) and the images as {@link ImageSet#addTo}
   * has them. Reads everything.
   */
  public byte[] digest() {
    final MessageDigest digest = sha256();
    digest.update("gradstream images".getBytes(StandardCharsets.US_ASCII));
    for (final ImageSet part : new ImageSet[] {training, heldOut}) {
      final var header = ByteBuffer.allocate(3 * Integer.BYTES);
      digest.update(header.putInt(part.size()).putInt(part.height()).putInt(part.width()).flip());
      part.addTo(digest);
    }
    return digest.digest();
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
