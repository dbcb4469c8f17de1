package io.gradstream.producer.data;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;

/**
 * Two digits in one image, one task each: the classical benchmark of multi-task learning (Sabour,
 * Frosst and Hinton, "Dynamic Routing Between Capsules", 2017; Sener and Koltun, 2018), made from
 * any data set in MNIST's format.
 *
 * <p>Held-out pairs are made of held-out images alone, one partner each.
 */
final class OverlaidDigits {
  /**
   * What is overlaid, and how.
   *
   * @param directory a directory, or {@code shipped:digits}
   * @param heldOut how many images are kept for validation
   * @param shift pixels between the two
   * @param partners how many samples each training image is the left one of
   */
  record Options(
      @Param("directory with MNIST's files, or shipped:digits for those that come with Gradstream")
          String directory,
      @Param(
              value =
                  "images kept for validation: the first of the t10k files, else the last of the"
                      + " training files",
              defaultValue = "1000",
              min = 1,
              max = Integer.MAX_VALUE)
          int heldOut,
      @Param(
              value = "how far the right image lies below and right of the left one, in pixels",
              defaultValue = "8",
              min = 0,
              max = 1024)
          int shift,
      @Param(
              value = "with how many others each training image is paired",
              defaultValue = "4",
              min = 1,
              max = 1000)
          int partners) {}

  private static final long MAX_PAIRS = 1 << 26;

  private OverlaidDigits() {}

  static ImageData load(Options options) {
    final ImageData digits =
        IdxData.load(new IdxData.Options(options.directory(), options.heldOut()));
    if ((long) digits.training().size() * options.partners() > MAX_PAIRS) {
      throw new SpecError(
          "partners",
          "%d for each of %,d images are more than %,d pairs"
              .formatted(options.partners(), digits.training().size(), MAX_PAIRS));
    }
    return ImageData.of(
        new OverlaidImages(digits.training(), options.shift(), options.partners()),
        new OverlaidImages(digits.heldOut(), options.shift(), 1));
  }
}
