package io.gradstream.producer.model.mae;

import static java.util.Map.entry;

import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.data.Masks;
import io.gradstream.proto.spec.SpecError;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Everything about a run's images that does not change from batch to batch.
 *
 * @param grid how images are cut
 * @param masks how many patches are visible
 * @param encoderPositions patches x width
 * @param decoderPositions patches x decoder width
 * @param context how many patches around its own a decoder token sees
 * @param mean brightness of the training data
 * @param deviation of the training data's brightness
 */
record Geometry(
    PatchGrid grid,
    Masks masks,
    float[][] encoderPositions,
    float[][] decoderPositions,
    int context,
    float mean,
    float deviation) {

  /**
   * @throws SpecError when the images cannot be cut into such patches, or none of them is to be
   *     seen
   */
  static Geometry of(MaeOptions options, ImageData data) {
    int side = options.patchSize();
    int height = data.training().height();
    int width = data.training().width();
    if (height % side != 0 || width % side != 0 || height * width <= side * side) {
      throw new SpecError(
          "patch-size",
          "images of %d x %d pixels cannot be cut into patches of %d x %d"
              .formatted(height, width, side, side));
    }
    var grid = new PatchGrid(height / side, width / side, side);
    // With all but one masked the share is 1 - 1/patches, which is no double of a user's.
    if (grid.patches() * (1 - options.maskRatio()) < 1 - 1e-6) {
      throw new SpecError(
          "mask-ratio",
          "%s leaves none of an image's %d patches to be seen; at most %.4f"
              .formatted(
                  options.maskRatio(),
                  grid.patches(),
                  Math.floor(1e4 - 1e4 / grid.patches()) / 1e4));
    }
    return new Geometry(
        grid,
        Masks.ofRatio(grid.patches(), options.maskRatio()),
        grid.positions(options.width()),
        grid.positions(options.decoderWidth()),
        options.decoderContext(),
        data.mean(),
        data.deviation());
  }

  /** What another implementation needs to build the network: {@code gradstream.load} in Python. */
  SortedMap<String, String> blueprint(MaeOptions options) {
    return new TreeMap<>(
        Map.ofEntries(
            entry("patch-size", "" + options.patchSize()),
            entry("mask-ratio", "" + options.maskRatio()),
            entry("width", "" + options.width()),
            entry("encoder-layers", "" + options.encoderLayers()),
            entry("decoder-width", "" + options.decoderWidth()),
            entry("decoder-layers", "" + options.decoderLayers()),
            entry("decoder-context", "" + options.decoderContext()),
            entry("heads", "" + options.heads()),
            entry("mlp-ratio", "" + options.mlpRatio()),
            entry("image-height", "" + grid.rows() * grid.side()),
            entry("image-width", "" + grid.columns() * grid.side()),
            entry("mean", "" + mean),
            entry("deviation", "" + deviation)));
  }

  /**
   * Numbers that tell a decoder token about its surroundings: for each patch its pixels and whether
   * it is seen.
   */
  int contextWidth() {
    int across = 2 * context + 1;
    return context == 0 ? 0 : across * across * (grid.pixelsPerPatch() + 1);
  }
}
