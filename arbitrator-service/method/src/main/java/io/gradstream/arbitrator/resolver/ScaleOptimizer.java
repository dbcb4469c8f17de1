package io.gradstream.arbitrator.resolver;

/**
 * One optimizer step on the N numbers that some methods learn beside the model (GradNorm's scales,
 * UW's log-variances, FAMO's logits), as PyTorch's SGD or Adam takes it.
 *
 * @param rule which optimizer
 * @param learningRate its step size
 * @param weightDecay multiple of the numbers added to their gradient
 */
record ScaleOptimizer(Rule rule, double learningRate, double weightDecay) {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPS = 1e-8;

  /** The optimizers there are. */
  enum Rule {
    SGD,
    ADAM
  }

  /** A state with the numbers under their name and the optimizer's own beside them. */
  MethodState start(String name, double... numbers) {
    MethodState state = MethodState.EMPTY.with(name, numbers);
    return rule == Rule.SGD
        ? state
        : state
            .with("adam-m", new double[numbers.length])
            .with("adam-v", new double[numbers.length])
            .with("adam-steps", 0);
  }

  /** The state after one step of the named numbers against a gradient. */
  MethodState step(MethodState state, String name, double[] gradient) {
    double[] x = state.get(name);
    double[] g = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      g[i] = gradient[i] + weightDecay * x[i];
    }
    if (rule == Rule.SGD) {
      for (int i = 0; i < x.length; i++) {
        x[i] -= learningRate * g[i];
      }
      return state.with(name, x);
    }
    double[] m = state.get("adam-m");
    double[] v = state.get("adam-v");
    double steps = state.number("adam-steps") + 1;
    for (int i = 0; i < x.length; i++) {
      m[i] = BETA1 * m[i] + (1 - BETA1) * g[i];
      v[i] = BETA2 * v[i] + (1 - BETA2) * g[i] * g[i];
      double root = Math.sqrt(v[i]) / Math.sqrt(1 - StrictMath.pow(BETA2, steps)) + EPS;
      x[i] -= learningRate / (1 - StrictMath.pow(BETA1, steps)) * m[i] / root;
    }
    return state.with(name, x).with("adam-m", m).with("adam-v", v).with("adam-steps", steps);
  }
}
