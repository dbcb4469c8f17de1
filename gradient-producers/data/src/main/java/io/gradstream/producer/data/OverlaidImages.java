package io.gradstream.producer.data;

import java.util.Arrays;
import java.util.List;

/**
 * Two images on one canvas: the first at its upper left corner, the second {@code shift} pixels
 * further down and right; where both have ink the brighter pixel is seen. Nothing is stored but the
 * single images.
 *
 * <p>Sample {@code s} of n images has image {@code s mod n} on the left. Its partner is image
 * {@code order(PAIRING, s div n, n)[s mod n]}, with the permutation that micro-batches are drawn
 * by: so in each n samples every image is on the left once and on the right once, and which ones
 * meet does not depend on a run's seed.
 */
final class OverlaidImages implements ImageSet {
  /** The seed of all pairings; it decides bits and never changes. */
  static final long PAIRING = 2;

  private static final List<String> LABELS = List.of("left-digit", "right-digit");

  private final ImageSet single;
  private final int shift;
  private final int[] partner;

  /**
   * @param shift how far apart the two lie, in pixels, at least 0
   * @param partners with how many others each image is paired, at least 1
   */
  OverlaidImages(ImageSet single, int shift, int partners) {
    this.single = single;
    this.shift = shift;
    final int images = single.size();
    this.partner = new int[Math.multiplyExact(images, partners)];
    for (int turn = 0; turn < partners; turn++) {
      final var order = new Permutation(PAIRING, turn, Math.max(1, images));
      for (int image = 0; image < images; image++) {
        partner[turn * images + image] = order.at(image);
      }
    }
  }

  @Override
  public int size() {
    return partner.length;
  }

  @Override
  public int height() {
    return single.height() + shift;
  }

  @Override
  public int width() {
    return single.width() + shift;
  }

  @Override
  public int brightness(int image, int y, int x) {
    final int left = ink(image % single.size(), y, x);
    final int right = ink(partner[image], y - shift, x - shift);
    return Math.max(left, right);
  }

  private int ink(int image, int y, int x) {
    final boolean isInside = y >= 0 && y < single.height() && x >= 0 && x < single.width();
    return isInside ? single.brightness(image, y, x) : 0;
  }

  /** As {@link #brightness}, but row by row: a batch's digest reads each of its pixels. */
  @Override
  public void copyPixels(int image, byte[] into) {
    final int rows = single.height();
    final int columns = single.width();
    final byte[] one = new byte[rows * columns];
    Arrays.fill(into, 0, height() * width(), (byte) 0);
    single.copyPixels(image % single.size(), one);
    for (int y = 0; y < rows; y++) {
      System.arraycopy(one, y * columns, into, y * width(), columns);
    }
    single.copyPixels(partner[image], one);
    for (int y = 0; y < rows; y++) {
      final int first = (y + shift) * width() + shift;
      for (int x = 0; x < columns; x++) {
        final int brightest = Math.max(into[first + x] & 0xFF, one[y * columns + x] & 0xFF);
        into[first + x] = (byte) brightest;
      }
    }
  }

  @Override
  public List<String> labels() {
    return LABELS;
  }

  @Override
  public int label(int which, int image) {
    return single.label(0, which == 0 ? image % single.size() : partner[image]);
  }
}
