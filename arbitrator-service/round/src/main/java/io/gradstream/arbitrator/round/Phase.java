package io.gradstream.arbitrator.round;

import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RoundKind;

/**
 * Where a run stands when a round opens.
 *
 * @param round the round
 * @param joint how many rounds before it were joint; sums change places with each joint round
 * @param kind what this round asks of each slot
 */
record Phase(long round, long joint, RoundKind kind) {
  static final Phase FIRST = new Phase(0, 0, RoundKind.EACH_TASK);

  /** Whether the round takes one gradient of the summed loss per slot. */
  boolean scalarized() {
    return kind == RoundKind.SUM;
  }

  /** What follows on the verdict of this round. */
  Phase after(Verdict verdict) {
    return new Phase(
        round + 1,
        scalarized() || verdict.getSkipped() ? joint : joint + 1,
        RoundKind.of(verdict.getNextScalarized()));
  }

  /** What came before, by the verdict that closed it. */
  Phase before(Verdict verdict) {
    return new Phase(
        round - 1,
        verdict.getScalarized() || verdict.getSkipped() ? joint : joint - 1,
        RoundKind.of(verdict.getScalarized()));
  }
}
