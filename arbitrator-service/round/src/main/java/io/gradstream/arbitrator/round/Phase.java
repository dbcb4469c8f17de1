package io.gradstream.arbitrator.round;

import io.gradstream.proto.message.Verdict;

/**
 * Where a run stands when a round opens.
 *
 * @param round the round
 * @param joint how many rounds before it were joint; sums change places with each joint round
 * @param summed whether this round takes one scalarized gradient a slot instead of one a task
 */
record Phase(long round, long joint, boolean scalarized) {
  static final Phase FIRST = new Phase(0, 0, false);

  /** What follows on the verdict of this round. */
  Phase after(Verdict verdict) {
    return new Phase(round + 1, scalarized ? joint : joint + 1, verdict.getNextScalarized());
  }

  /** What came before, by the verdict that closed it. */
  Phase before(Verdict verdict) {
    return new Phase(
        round - 1, verdict.getScalarized() ? joint : joint - 1, verdict.getScalarized());
  }
}
