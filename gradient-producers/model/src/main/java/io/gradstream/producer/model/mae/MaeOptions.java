package io.gradstream.producer.model.mae;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;

/**
 * Sizes of the masked auto-encoder.
 *
 * @param patchSize side of a patch in pixels; must divide the images' height and width
 * @param maskRatio share of an image's patches that must be guessed, rounded up to whole ones
 * @param width of an encoder token
 * @param encoderLayers blocks of the encoder
 * @param decoderWidth of a decoder token
 * @param decoderLayers blocks of the decoder
 * @param decoderContext how many patches around its own a decoder token sees directly; 0: none, as
 *     He et al. do
 * @param heads of each attention; must divide both widths
 * @param mlpRatio hidden width of a block's mlp over its token width
 */
public record MaeOptions(
    @Param(value = "side of a patch in pixels", defaultValue = "4", min = 1, max = 1024)
        int patchSize,
    @Param(
            value = "share of an image's patches that must be guessed, rounded up to whole ones",
            defaultValue = "0.75",
            min = 0,
            max = 1,
            exclusiveMin = true,
            exclusiveMax = true)
        double maskRatio,
    @Param(value = "width of an encoder token", defaultValue = "96", min = 4, max = 65536)
        int width,
    @Param(value = "blocks of the encoder", defaultValue = "3", min = 1, max = 1024)
        int encoderLayers,
    @Param(value = "width of a decoder token", defaultValue = "64", min = 4, max = 65536)
        int decoderWidth,
    @Param(value = "blocks of the decoder", defaultValue = "2", min = 1, max = 1024)
        int decoderLayers,
    @Param(
            value = "patches around its own that a decoder token sees directly; 0: none",
            defaultValue = "1",
            min = 0,
            max = 8)
        int decoderContext,
    @Param(value = "heads of each attention", defaultValue = "4", min = 1, max = 1024) int heads,
    @Param(
            value = "hidden width of a block's mlp over its token width",
            defaultValue = "4",
            min = 1,
            max = 64)
        int mlpRatio) {
  public MaeOptions {
    checkWidth("width", width, heads);
    checkWidth("decoder-width", decoderWidth, heads);
  }

  private static void checkWidth(String key, int width, int heads) {
    if (width % 4 != 0 || width % heads != 0) {
      throw new SpecError(
          key, "%d is not a multiple of 4 and of heads (%d)".formatted(width, heads));
    }
  }
}
