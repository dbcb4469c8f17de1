package io.gradstream.producer.data;

import java.util.Arrays;
import java.util.List;

/** Images with one label each, as bytes in memory. */
public final class StoredImages implements ImageSet {
  private final int height;
  private final int width;
  private final byte[] pixels;
  private final byte[] labels;

  /** Takes both arrays over. {@code pixels} holds {@code labels.length * height * width} values. */
  public StoredImages(int height, int width, byte[] pixels, byte[] labels) {
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

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public int height() {
    return height;
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int brightness(int image, int y, int x) {
    return pixels[(image * height + y) * width + x] & 0xFF;
  }

  @Override
  public List<String> labels() {
    return List.of("label");
  }

  @Override
  public int label(int which, int image) {
    return labels[image] & 0xFF;
  }

  @Override
  public void copyPixels(int image, byte[] into) {
    final int size = height * width;
    System.arraycopy(pixels, image * size, into, 0, size);
  }

  /** The images {@code from} (inclusive) to {@code to} (exclusive). */
  StoredImages range(int from, int to) {
    final int size = height * width;
    return new StoredImages(
        height,
        width,
        Arrays.copyOfRange(pixels, from * size, to * size),
        Arrays.copyOfRange(labels, from, to));
  }
}
