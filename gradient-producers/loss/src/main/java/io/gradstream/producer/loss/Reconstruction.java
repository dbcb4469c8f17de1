package io.gradstream.producer.loss;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;

/**
 * What a masked auto-encoder made of a micro-batch of B images of H x W pixels, V patches of which
 * it saw and M it had to guess, P pixels each. Normalised means: minus the mean, by the deviation
 * of the data.
 *
 * @param guessed B x M x P, normalised; depends on the parameters
 * @param masked B x M x P, normalised: what the guess should have been
 * @param visible B x V x P, normalised
 * @param images B x H x W, brightness in [0, 1]
 * @param isMasked B x H x W, 1 at pixels of masked patches and 0 elsewhere
 * @param source B x H x W, for each pixel the place of its value in the flat sequence of image
 *     after image, visible patches and then masked patches of an image
 * @param mean of the data, brightness
 * @param deviation of the data, brightness
 */
public record Reconstruction(
    NDArray guessed,
    NDArray masked,
    NDArray visible,
    NDArray images,
    NDArray isMasked,
    NDArray source,
    float mean,
    float deviation) {

  /** B x H x W, brightness: guesses where the image was masked, the image itself elsewhere. */
  public NDArray composed() {
    NDArray patches = NDArrays.concat(new NDList(visible, guessed), 1);
    NDArray normalised = patches.reshape(new Shape(-1)).take(source);
    NDManager manager = normalised.getManager();
    return normalised.mul(manager.create(deviation)).add(manager.create(mean));
  }

  /** Number of masked pixels, all images together. */
  public long maskedPixels() {
    return masked.getShape().size();
  }
}
