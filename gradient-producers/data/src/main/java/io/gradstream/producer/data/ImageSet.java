package io.gradstream.producer.data;

import java.util.Arrays;

/**
 * Labelled grey images of one size, as bytes. Immutable and shared by all workers of a process.
 *
 * <p>Pixels lie image after image, row after row, 0 (black) to 255; labels are 0 to 255.
 */
public final class ImageSet {
  private final int height;
  private final int width;
  private final byte[] pixels;
  private final byte[] labels;

  /** Takes both arrays over. {@code pixels} holds {@code labels.length * height * width} values. */
  public ImageSet(int height, int width, byte[] pixels, byte[] labels) {
    if (pixels.length != (long) labels.length * height * width) {
      throw new IllegalArgumentException(
          "%d pixels are not %d images of %d x %d"
              .formatted(pixels.length, labels.length, height, width));
    }
    this.height = height;
    this.width = width;
    this.pixels = pixels;
    this.labels = labels;
  }

  /** Number of images. */
  public int size() {
    return labels.length;
  }

  public int height() {
    return height;
  }

  public int width() {
    return width;
  }

  /** Brightness in [0, 1] of a pixel of an image. */
  public float pixel(int image, int y, int x) {
    return (pixels[(image * height + y) * width + x] & 0xFF) / 255f;
  }

  public int label(int image) {
    return labels[image] & 0xFF;
  }

  /** The images {@code from} (inclusive) to {@code to} (exclusive). */
  ImageSet range(int from, int to) {
    int size = height * width;
    return new ImageSet(
        height,
        width,
        Arrays.copyOfRange(pixels, from * size, to * size),
        Arrays.copyOfRange(labels, from, to));
  }

  /** How many pixels of the set have each brightness, 256 counts. */
  long[] histogram() {
    var counts = new long[256];
    for (byte pixel : pixels) {
      counts[pixel & 0xFF]++;
    }
    return counts;
  }
}
