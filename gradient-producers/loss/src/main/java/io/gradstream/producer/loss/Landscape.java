package io.gradstream.producer.loss;

/**
 * One of the two losses of CAGrad's toy experiment (Liu et al., "Conflict-Averse Gradient Descent
 * for Multi-task Learning", NeurIPS 2021, appendix): a deep valley for x2 &gt; 0 that blends by
 * {@code tanh(x2 / 2)} into a wide bowl for x2 &lt; 0.
 *
 * <pre>
 * valley_1 = log(max(|0.5 (-x1 - 7) - tanh(-x2)|,     5e-6)) + 6    bowl_1 = ((-x1 + 7)^2 + 0.1 (-x2 - 8)^2) / 10 - 20
 * valley_2 = log(max(|0.5 (-x1 + 3) + tanh(-x2) + 2|, 5e-6)) + 6    bowl_2 = ((-x1 - 7)^2 + 0.1 (-x2 - 8)^2) / 10 - 20
 * loss_i   = max(tanh(x2 / 2), 0) valley_i + max(tanh(-x2 / 2), 0) bowl_i
 * </pre>
 *
 * <p>The gradient is the one automatic differentiation gives: a maximum with a constant passes the
 * gradient where the other side is not smaller than the constant.
 *
 * @param index which of the two, 0 or 1
 */
public record Landscape(int index) implements Objective {
  private static final double FLOOR = 5e-6;

  public Landscape {
    if (index != 0 && index != 1) {
      throw new IllegalArgumentException("index must be 0 or 1, not " + index);
    }
  }

  @Override
  public double evaluate(double[] point, double[] gradient) {
    double x1 = point[0];
    double x2 = point[1];

    double side = index == 0 ? 1 : -1;
    double tanh = StrictMath.tanh(x2);
    double argument = index == 0 ? 0.5 * (-x1 - 7) + tanh : 0.5 * (-x1 + 3) - tanh + 2;
    double distance = StrictMath.abs(argument);
    double valley = StrictMath.log(Math.max(distance, FLOOR)) + 6;
    double valleySlope = distance >= FLOOR ? 1 / argument : 0;
    double valley1 = valleySlope * -0.5;
    double valley2 = valleySlope * side * (1 - tanh * tanh);

    double across = 7 * side - x1;
    double along = -x2 - 8;
    double bowl = (across * across + 0.1 * (along * along)) / 10 - 20;
    double bowl1 = -0.2 * across;
    double bowl2 = -0.02 * along;

    double blend = StrictMath.tanh(0.5 * x2);
    double blendSlope = 0.5 * (1 - blend * blend);
    double upper = Math.max(blend, 0);
    double lower = Math.max(-blend, 0);
    double upperSlope = blend >= 0 ? blendSlope : 0;
    double lowerSlope = blend <= 0 ? -blendSlope : 0;

    gradient[0] = upper * valley1 + lower * bowl1;
    gradient[1] = upperSlope * valley + upper * valley2 + lowerSlope * bowl + lower * bowl2;
    return upper * valley + lower * bowl;
  }
}
