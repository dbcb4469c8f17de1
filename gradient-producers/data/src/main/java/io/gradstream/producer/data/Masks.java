package io.gradstream.producer.data;

/**
 * Which patches of an image a masked auto-encoder must guess: a uniformly drawn subset of a fixed
 * size.
 *
 * @param patches of an image
 * @param visible how many of them the encoder sees, 1 to {@code patches - 1}
 */
public record Masks(int patches, int visible) {
  public Masks {
    if (visible < 1 || visible >= patches) {
      throw new IllegalArgumentException(
          "visible must be 1 to %d of %d patches, not %d".formatted(patches - 1, patches, visible));
    }
  }

  /**
   * Keeps {@code floor(patches * (1 - ratio))} patches visible, as He et al. (2022) do, but one at
   * least.
   */
  public static Masks ofRatio(int patches, double ratio) {
    return new Masks(patches, Math.max(1, (int) (patches * (1 - ratio))));
  }

  /**
   * All patches in random order (Fisher-Yates): the first {@code visible} are seen, the others are
   * masked.
   *
   * @param random the stream that belongs to the image
   */
  public int[] order(CounterRandom random) {
    var order = new int[patches];
    for (int p = 0; p < patches; p++) {
      int other = (int) (random.uniform(p) * (p + 1));
      order[p] = order[other];
      order[other] = p;
    }
    return order;
  }
}
