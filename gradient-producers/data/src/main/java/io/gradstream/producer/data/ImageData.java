package io.gradstream.producer.data;

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
  static ImageData of(ImageSet training, ImageSet heldOut) {
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
}
