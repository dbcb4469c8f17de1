package io.gradstream.proto.kernels;

/**
 * The numbers of one AdamW step, computed once in double and the same for all values.
 *
 * <p>Powers are StrictMath's, which are the same on every machine.
 *
 * <p>Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, Algorithm 2, in the order
 * of operations of the usual implementations: {@code theta = decay*theta - stepSize * m /
 * (sqrt(v)*rootCorrection + eps)}.
 *
 * @param beta1 decay of the first moment; 0 where the gradient itself is the first moment
 * @param gain1 1 - beta1
 * @param beta2 decay of the second moment
 * @param gain2 1 - beta2
 * @param decay 1 - learning rate * weight decay
 * @param stepSize learning rate / (1 - beta1^t)
 * @param rootCorrection 1 / sqrt(1 - beta2^t)
 * @param eps added to the denominator
 */
public record AdamWStep(
    float beta1,
    float gain1,
    float beta2,
    float gain2,
    float decay,
    float stepSize,
    float rootCorrection,
    float eps) {

  /**
   * The step number {@code t}.
   *
   * @param t 1 at the first step
   */
  public static AdamWStep of(
      double learningRate, double beta1, double beta2, double eps, double weightDecay, long t) {
    return new AdamWStep(
        (float) beta1,
        (float) (1 - beta1),
        (float) beta2,
        (float) (1 - beta2),
        (float) (1 - learningRate * weightDecay),
        (float) (learningRate / (1 - StrictMath.pow(beta1, (double) t))),
        (float) (1 / Math.sqrt(1 - StrictMath.pow(beta2, (double) t))),
        (float) eps);
  }
}
