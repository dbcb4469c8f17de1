package io.gradstream.producer.loss;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;

/**
 * One minus the structural similarity (Wang, Bovik, Sheikh and Simoncelli, 2004) of the composed
 * image, guesses on masked patches and originals elsewhere, with the original, in brightness [0,
 * 1], averaged over the pixels of masked patches. Between 0 and 2.
 *
 * <p>The window is Gaussian. At the border it is cut off and weighs what remains, so that a window
 * filters rows and columns as two products with banded matrices. Guesses are not clipped to [0, 1]:
 * a clipped guess would have no gradient.
 *
 * @param window side of the window in pixels, odd
 * @param sigma of the Gaussian in pixels
 */
public record MaskedSsim(
    @Param(
            value = "side of the Gaussian window in pixels, odd",
            defaultValue = "7",
            min = 3,
            max = 255)
        int window,
    @Param(
            value = "standard deviation of the Gaussian in pixels",
            defaultValue = "1.5",
            min = 0,
            exclusiveMin = true)
        double sigma)
    implements ReconstructionLoss {
  /** K1 = 0.01 and K2 = 0.03 of the paper, squared, for a range of 1. */
  private static final float C1 = 1e-4f;

  private static final float C2 = 9e-4f;

  public MaskedSsim {
    if (window % 2 == 0) {
      throw new SpecError("window", window + " is not odd");
    }
  }

  @Override
  public NDArray of(Reconstruction reconstruction) {
    NDArray x = reconstruction.composed();
    NDArray y = reconstruction.images();
    NDList filtered = filter(new NDList(x, y, x.mul(x), y.mul(y), x.mul(y)));
    NDArray meanX = filtered.get(0);
    NDArray meanY = filtered.get(1);
    NDArray squareX = meanX.mul(meanX);
    NDArray squareY = meanY.mul(meanY);
    NDArray product = meanX.mul(meanY);
    NDArray varianceX = filtered.get(2).sub(squareX);
    NDArray varianceY = filtered.get(3).sub(squareY);
    NDArray covariance = filtered.get(4).sub(product);

    NDManager manager = x.getManager();
    NDArray two = manager.create(2f);
    NDArray c1 = manager.create(C1);
    NDArray c2 = manager.create(C2);
    NDArray luminance = product.mul(two).add(c1).div(squareX.add(squareY).add(c1));
    NDArray structure = covariance.mul(two).add(c2).div(varianceX.add(varianceY).add(c2));
    NDArray similarity = luminance.mul(structure).mul(reconstruction.isMasked()).sum();
    NDArray perPixel = manager.create(-1f / reconstruction.maskedPixels());
    return similarity.mul(perPixel).add(manager.create(1f));
  }

  /** Local means of images of one shape B x H x W. */
  private NDList filter(NDList images) {
    Shape shape = images.head().getShape();
    NDManager manager = images.head().getManager();
    NDArray rows = manager.create(smoothing((int) shape.get(1)));
    NDArray columns = manager.create(smoothing((int) shape.get(2))).transpose();
    NDArray all = NDArrays.concat(images, 0);
    return rows.matMul(all).matMul(columns).split(images.size());
  }

  /** The n x n matrix whose row k weighs the neighbours of pixel k; rows add up to 1. */
  private float[][] smoothing(int n) {
    var matrix = new float[n][n];
    int reach = window / 2;
    for (int k = 0; k < n; k++) {
      int first = Math.max(0, k - reach);
      int last = Math.min(n - 1, k + reach);
      double total = 0;
      for (int j = first; j <= last; j++) {
        total += weight(j - k);
      }
      for (int j = first; j <= last; j++) {
        matrix[k][j] = (float) (weight(j - k) / total);
      }
    }
    return matrix;
  }

  private double weight(int distance) {
    return StrictMath.exp(-distance * distance / (2 * sigma * sigma));
  }
}
