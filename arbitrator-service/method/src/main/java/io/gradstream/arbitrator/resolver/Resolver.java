package io.gradstream.arbitrator.resolver;

/**
 * A multi-task method: from the inner products and losses of a round to combination weights.
 *
 * <p>A resolver is immutable and deterministic; what it remembers between rounds is the {@link
 * MethodState} that it gets and returns, which the caller keeps (and writes down). The same
 * statistics and state give the same bits on every machine, so that a decision can be repeated from
 * the log.
 */
public interface Resolver {

  /** What the method remembers before round 0. */
  MethodState initialState(int tasks);

  /**
   * Decides a round.
   *
   * @param round the round's statistics, all finite
   * @param state what {@link #initialState} or the previous round's resolution left
   * @return finite weights, the reasons, and the state for the next round
   */
  Resolution resolve(RoundStatistics round, MethodState state);

  /**
   * Which share each of a round's independent samples of the tasks' gradients has in the gradients
   * that the weights are for; with it, {@link RoundStatistics#independent} are the products of the
   * first sample with the second. Empty, as for most methods: one sample is enough.
   */
  default double[] sampleShares() {
    return new double[0];
  }

  /** Whether the method reads {@link RoundStatistics#excess}, which costs a vector a task. */
  default boolean readsExcess() {
    return false;
  }

  /**
   * Tells a two-phase method (FAMO) the losses after the step that its last resolution led to. In a
   * stream these are the next round's losses and {@link #resolve} takes them from there; only a
   * caller that measured them on the same batch, as the publications do, calls this.
   */
  default MethodState afterStep(double[] lossesAfterStep, MethodState state) {
    return state;
  }
}
