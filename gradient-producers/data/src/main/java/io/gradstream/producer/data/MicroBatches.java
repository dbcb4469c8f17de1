package io.gradstream.producer.data;

/**
 * Which samples of the training set a micro-batch holds.
 *
 * <p>The training set is read again and again, each epoch in another seeded order. Micro-batch
 * {@code b} is positions {@code b * size} up to {@code (b + 1) * size} of that endless sequence, so
 * a batch may lie across two epochs and every sample is read exactly once an epoch. Immutable; the
 * orders are computed, not stored.
 */
public final class MicroBatches {
  private final long seed;
  private final int samples;
  private final int size;

  /**
   * @param samples samples of the training set, at least 1
   * @param size samples of a micro-batch, at least 1
   */
  public MicroBatches(long seed, int samples, int size) {
    if (samples < 1 || size < 1) {
      throw new IllegalArgumentException(
          "samples and size must be at least 1, not " + samples + " and " + size);
    }
    this.seed = seed;
    this.samples = samples;
    this.size = size;
  }

  /** The indices of the samples of a micro-batch, each in 0 to samples - 1. */
  public int[] samples(long microBatch) {
    return samples(Math.multiplyExact(microBatch, (long) size), size);
  }

  /**
   * The indices of some samples that follow each other, for batches of several sizes.
   *
   * @param first position of the first one in the endless sequence
   * @param count how many, at least 1
   */
  public int[] samples(long first, int count) {
    var batch = new int[count];
    long epoch = -1;
    Permutation order = null;
    for (int k = 0; k < count; k++) {
      long position = first + k;
      if (order == null || position / samples != epoch) {
        epoch = position / samples;
        order = new Permutation(seed, epoch, samples);
      }
      batch[k] = order.at((int) (position % samples));
    }
    return batch;
  }
}
