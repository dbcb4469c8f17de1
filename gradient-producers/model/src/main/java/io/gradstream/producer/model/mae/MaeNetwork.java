package io.gradstream.producer.model.mae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import io.gradstream.producer.model.torch.Initialization;
import io.gradstream.producer.model.torch.Layout;
import io.gradstream.producer.model.torch.LinearLayer;
import io.gradstream.producer.model.torch.NormLayer;
import io.gradstream.producer.model.torch.Parameters;
import io.gradstream.producer.model.torch.TransformerBlock;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The network of a masked auto-encoder (He et al., "Masked Autoencoders Are Scalable Vision
 * Learners", 2022).
 *
 * <p>The encoder, a transformer, sees the visible patches alone. The decoder, a smaller one, sees
 * the encoder's tokens and one learned token for every masked patch, and guesses the masked
 * patches' pixels. Attention does not know an order, so tokens stay as they come, visible ones
 * first, and positions say where they belong.
 *
 * <p>With a context, a decoder token also gets a linear image of the visible pixels in the patches
 * around it: a convolution, one patch per step, over the image with its masked patches blanked.
 * Strokes go on where their neighbours end; attention alone takes thousands of steps to find that
 * out, and until then the best guess in both losses is a black image.
 */
final class MaeNetwork {
  private final LinearLayer embedding;
  private final List<TransformerBlock> encoder;
  private final NormLayer encoderNorm;
  private final LinearLayer bridge;
  private final int maskToken;
  private final @Nullable LinearLayer context;
  private final List<TransformerBlock> decoder;
  private final NormLayer decoderNorm;
  private final LinearLayer head;

  MaeNetwork(MaeOptions options, Geometry geometry, Layout layout) {
    int pixelsPerPatch = geometry.grid().pixelsPerPatch();
    int width = options.width();
    int decoderWidth = options.decoderWidth();
    embedding = new LinearLayer(layout, "encoder.embedding", pixelsPerPatch, width);
    encoder = blocks(layout, "encoder.", options.encoderLayers(), width, options);
    encoderNorm = new NormLayer(layout, "encoder.norm", width);
    bridge = new LinearLayer(layout, "decoder.embedding", width, decoderWidth);
    maskToken = layout.declare("decoder.mask-token", Initialization.SMALL_NORMAL, decoderWidth);
    int contextWidth = geometry.contextWidth();
    context =
        contextWidth == 0
            ? null
            : new LinearLayer(layout, "decoder.context", contextWidth, decoderWidth);
    decoder = blocks(layout, "decoder.", options.decoderLayers(), decoderWidth, options);
    decoderNorm = new NormLayer(layout, "decoder.norm", decoderWidth);
    head = new LinearLayer(layout, "decoder.head", decoderWidth, pixelsPerPatch);
  }

  private static List<TransformerBlock> blocks(
      Layout layout, String prefix, int count, int width, MaeOptions options) {
    var blocks = new ArrayList<TransformerBlock>();
    for (int k = 0; k < count; k++) {
      int mlpWidth = width * options.mlpRatio();
      blocks.add(new TransformerBlock(layout, prefix + k, width, options.heads(), mlpWidth));
    }
    return List.copyOf(blocks);
  }

  /**
   * What the network sees of B images of V visible and M masked patches.
   *
   * @param visible B x V x P, normalised pixels of the visible patches
   * @param visiblePositions B x V x width
   * @param decoderPositions B x (V + M) x decoderWidth, of the visible patches and then of the
   *     masked ones
   * @param context B x (V + M) x contextWidth in the same order, what is visible around each patch,
   *     or null
   */
  record Input(
      NDArray visible,
      NDArray visiblePositions,
      NDArray decoderPositions,
      @Nullable NDArray context) {}

  /** Guesses the masked patches: B x M x P. */
  NDArray guess(Parameters parameters, Input input) {
    NDArray visible = input.visible();
    NDArray decoderPositions = input.decoderPositions();
    NDArray seen = embedding.apply(parameters, visible).add(input.visiblePositions());
    for (TransformerBlock block : encoder) {
      seen = block.apply(parameters, seen);
    }
    NDArray bridged = bridge.apply(parameters, encoderNorm.apply(parameters, seen));

    long batch = visible.getShape().get(0);
    long visibleCount = visible.getShape().get(1);
    long maskedCount = decoderPositions.getShape().get(1) - visibleCount;
    NDArray masked =
        visible.getManager().ones(new Shape(batch, maskedCount, 1)).mul(parameters.get(maskToken));
    NDArray tokens = NDArrays.concat(new NDList(bridged, masked), 1).add(decoderPositions);
    if (context != null && input.context() != null) {
      tokens = tokens.add(context.apply(parameters, input.context()));
    }
    for (TransformerBlock block : decoder) {
      tokens = block.apply(parameters, tokens);
    }
    NDArray guesses = tokens.split(new long[] {visibleCount}, 1).get(1);
    return head.apply(parameters, decoderNorm.apply(parameters, guesses));
  }
}
