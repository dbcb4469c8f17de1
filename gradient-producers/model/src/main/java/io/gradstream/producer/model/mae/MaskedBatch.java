package io.gradstream.producer.model.mae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.gradstream.producer.data.ImageSet;
import io.gradstream.producer.loss.Reconstruction;
import io.gradstream.producer.model.torch.Parameters;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;

/**
 * A micro-batch with its masks, as the network and the losses want it (shapes: {@link
 * MaeNetwork#guess} and {@link Reconstruction}).
 *
 * <p>Patches are cut, ordered and found again here, in Java and by index; the differentiable part
 * has one index operation left.
 */
final class MaskedBatch {
  private final Geometry geometry;
  private final int size;
  private final FloatBuffer visible;
  private final FloatBuffer masked;
  private final FloatBuffer visiblePositions;
  private final FloatBuffer decoderPositions;
  private final FloatBuffer context;
  private final FloatBuffer images;
  private final FloatBuffer isMasked;
  private final LongBuffer source;
  private int added;

  /** A batch to which {@code size} images will be added. */
  MaskedBatch(Geometry geometry, int size) {
    int pixels = geometry.grid().pixelsPerPatch();
    int patches = geometry.grid().patches();
    int seen = geometry.masks().visible();
    this.geometry = geometry;
    this.size = size;
    visible = FloatBuffer.allocate(size * seen * pixels);
    masked = FloatBuffer.allocate(size * (patches - seen) * pixels);
    visiblePositions = FloatBuffer.allocate(size * seen * geometry.encoderPositions()[0].length);
    decoderPositions = FloatBuffer.allocate(size * patches * geometry.decoderPositions()[0].length);
    context = FloatBuffer.allocate(size * patches * geometry.contextWidth());
    images = FloatBuffer.allocate(size * patches * pixels);
    isMasked = FloatBuffer.allocate(size * patches * pixels);
    source = LongBuffer.allocate(size * patches * pixels);
  }

  /**
   * Adds the next image.
   *
   * @param order of its patches: visible ones first, then masked ones
   */
  void add(ImageSet set, int image, int[] order) {
    PatchGrid grid = geometry.grid();
    var isSeen = new boolean[grid.patches()];
    for (int rank = 0; rank < geometry.masks().visible(); rank++) {
      isSeen[order[rank]] = true;
    }
    int first = added * grid.patches() * grid.pixelsPerPatch();
    for (int rank = 0; rank < order.length; rank++) {
      int patch = order[rank];
      boolean seen = rank < geometry.masks().visible();
      for (int pixel = 0; pixel < grid.pixelsPerPatch(); pixel++) {
        int y = grid.y(patch, pixel);
        int x = grid.x(patch, pixel);
        float brightness = set.pixel(image, y, x);
        (seen ? visible : masked).put(normalised(brightness));
        int at = first + y * set.width() + x;
        images.put(at, brightness);
        isMasked.put(at, seen ? 0 : 1);
        source.put(at, first + (long) rank * grid.pixelsPerPatch() + pixel);
      }
      decoderPositions.put(geometry.decoderPositions()[patch]);
      addContext(set, image, patch, isSeen);
      if (seen) {
        visiblePositions.put(geometry.encoderPositions()[patch]);
      }
    }
    added++;
  }

  private void addContext(ImageSet set, int image, int patch, boolean[] isSeen) {
    PatchGrid grid = geometry.grid();
    int reach = geometry.context();
    if (reach == 0) {
      return;
    }
    for (int down = -reach; down <= reach; down++) {
      for (int right = -reach; right <= reach; right++) {
        int neighbour = grid.neighbour(patch, down, right);
        boolean seen = neighbour >= 0 && isSeen[neighbour];
        context.put(seen ? 1 : 0);
        for (int pixel = 0; pixel < grid.pixelsPerPatch(); pixel++) {
          context.put(
              seen
                  ? normalised(set.pixel(image, grid.y(neighbour, pixel), grid.x(neighbour, pixel)))
                  : 0);
        }
      }
    }
  }

  private float normalised(float brightness) {
    return (brightness - geometry.mean()) / geometry.deviation();
  }

  /** Lets a network guess the masked patches; all tensors belong to {@code manager}. */
  Reconstruction reconstruct(MaeNetwork network, Parameters parameters, NDManager manager) {
    PatchGrid grid = geometry.grid();
    int seen = geometry.masks().visible();
    int hidden = grid.patches() - seen;
    long height = (long) grid.rows() * grid.side();
    long width = (long) grid.columns() * grid.side();
    var imageShape = new Shape(size, height, width);
    NDArray visiblePatches = tensor(manager, visible, size, seen, grid.pixelsPerPatch());
    int encoderWidth = geometry.encoderPositions()[0].length;
    int decoderWidth = geometry.decoderPositions()[0].length;
    var input =
        new MaeNetwork.Input(
            visiblePatches,
            tensor(manager, visiblePositions, size, seen, encoderWidth),
            tensor(manager, decoderPositions, size, grid.patches(), decoderWidth),
            geometry.context() == 0
                ? null
                : tensor(manager, context, size, grid.patches(), geometry.contextWidth()));
    NDArray guessed = network.guess(parameters, input);
    return new Reconstruction(
        guessed,
        tensor(manager, masked, size, hidden, grid.pixelsPerPatch()),
        visiblePatches,
        tensor(manager, images, size, height, width),
        tensor(manager, isMasked, size, height, width),
        manager.create(source.rewind(), imageShape, DataType.INT64),
        geometry.mean(),
        geometry.deviation());
  }

  private static NDArray tensor(NDManager manager, FloatBuffer values, long... shape) {
    return manager.create(values.rewind(), new Shape(shape), DataType.FLOAT32);
  }
}
