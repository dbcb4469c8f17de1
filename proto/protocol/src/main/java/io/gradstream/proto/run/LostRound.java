package io.gradstream.proto.run;

/**
 * Says what to do about a round that was decided before and whose gradients are no longer on the
 * log: the arbitrator that lost its sums cannot make them again, and nobody computes slots at old
 * weights.
 */
public final class LostRound {
  private LostRound() {}

  /**
   * One line for the person who runs it.
   *
   * @param round that the arbitrator waits for although its orders were answered
   */
  public static String advice(String run, long round) {
    return ("round %d was decided, and gradients of it are no longer on the log; run %s cannot go on, but"
            + " a new run can, from the weights before that round: gradstream fork --run %s --version %d"
            + " --as %s-from-%d")
        .formatted(round, run, run, round, run, round);
  }
}
