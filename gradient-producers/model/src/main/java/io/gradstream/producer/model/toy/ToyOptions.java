package io.gradstream.producer.model.toy;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.List;

/**
 * Size and start of the analytic model.
 *
 * @param dimension parameters that all tasks share
 * @param ownDimension parameters that each task has of its own
 * @param tensors how many tensors the shared parameters are cut into
 * @param start the first shared parameters' initial values; the others are standard normal
 * @param noise standard deviation of the Gaussian noise on each element of a gradient
 * @param buffers values of each buffer; 0 for none
 */
public record ToyOptions(
    @Param(value = "parameters that all tasks share", defaultValue = "2", min = 1, max = 1 << 28)
        int dimension,
    @Param(
            value = "parameters that each task has of its own",
            defaultValue = "0",
            min = 0,
            max = 1 << 28)
        int ownDimension,
    @Param(
            value = "how many tensors the shared parameters are cut into",
            defaultValue = "1",
            min = 1,
            max = 1 << 16)
        int tensors,
    @Param(
            value = "initial values of the first parameters; the others are standard normal",
            defaultValue = "[]")
        List<Double> start,
    @Param(
            value = "standard deviation of the noise on each element of a gradient",
            defaultValue = "0",
            min = 0)
        double noise,
    @Param(
            value =
                "values of each buffer, a running mean of numbers that come with the batches: one"
                    + " buffer learns from all tasks, and one from each alone; 0: no buffers",
            defaultValue = "0",
            min = 0,
            max = 1 << 20)
        int buffers) {
  public ToyOptions {
    if (tensors > dimension) {
      throw new SpecError(
          "tensors", "%d is more than dimension (%d)".formatted(tensors, dimension));
    }
    if (start.size() > dimension) {
      throw new SpecError(
          "start", "%d values are more than dimension (%d)".formatted(start.size(), dimension));
    }
    start = List.copyOf(start);
  }
}
