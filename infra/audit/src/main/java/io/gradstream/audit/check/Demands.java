package io.gradstream.audit.check;

import com.google.protobuf.ByteString;

/**
 * What an audit compares beside what follows from the log itself.
 *
 * @param first the first round to compare
 * @param last the last one, if the log has it
 * @param expected digest that the last verdict must have, as somebody noted it down; empty for any
 * @param complete whether the run must have come to its last round
 */
public record Demands(long first, long last, ByteString expected, boolean complete) {
  private static final long NO_LIMIT = Long.MAX_VALUE - 1;

  /** All rounds that the log has, wherever it ends. */
  public static Demands all() {
    return rounds(0, NO_LIMIT);
  }

  /** Some rounds, both included. */
  public static Demands rounds(long first, long last) {
    return new Demands(first, last, ByteString.EMPTY, false);
  }

  /** Whether the log is read to its end. */
  boolean toTheEnd() {
    return last == NO_LIMIT;
  }
}
