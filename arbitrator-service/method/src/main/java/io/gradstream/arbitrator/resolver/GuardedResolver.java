package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.OVERFLOW;

import io.gradstream.arbitrator.linalg.DoubleVectors;

/**
 * Checks the answer of every method. If weights are not finite, or do not fit a float32, the round
 * gets the plain sum instead, the method's state stays as it was, and the resolution reports it.
 */
record GuardedResolver(Resolver method) implements Resolver {

  @Override
  public MethodState initialState(int tasks) {
    return method.initialState(tasks);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    Resolution resolution = method.resolve(round, state);
    boolean usable = true;
    for (double weight : resolution.weights()) {
      usable &= Math.abs(weight) <= Float.MAX_VALUE;
    }
    for (double[] numbers : resolution.state().values().values()) {
      usable &= DoubleVectors.finite(numbers);
    }
    return usable
        ? resolution
        : Resolution.fallback(
            DoubleVectors.filled(round.tasks(), 1),
            OVERFLOW,
            "the method's numbers overflowed: the plain sum is used",
            state);
  }

  @Override
  public double[] sampleShares() {
    return method.sampleShares();
  }

  @Override
  public boolean readsExcess() {
    return method.readsExcess();
  }

  @Override
  public MethodState afterStep(double[] lossesAfterStep, MethodState state) {
    return method.afterStep(lossesAfterStep, state);
  }
}
