package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.FindingListener;
import io.gradstream.proto.run.RunDescription;
import org.apache.kafka.common.TopicPartition;

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

  /**
   * Finds what was demanded and is not so.
   *
   * @param rounds that the log has
   * @param head digest of the last one's verdict
   */
  void check(RunDescription run, long rounds, ByteString head, FindingListener findings) {
    final var verdicts = new TopicPartition(run.topics().verdicts(), 0);
    if (!expected.isEmpty() && !expected.equals(head)) {
      findings.add(
          new Finding(
              Finding.Kind.VERDICT,
              rounds - 1,
              verdicts,
              Finding.NOWHERE,
              "the last verdict is not the expected one",
              Finding.text(head),
              Finding.text(expected)));
    }
    if (complete && rounds < run.spec().rounds()) {
      findings.add(
          Finding.of(
              Finding.Kind.MISSING,
              rounds,
              verdicts,
              Finding.NOWHERE,
              "the run is not complete: it has %d of %d rounds"
                  .formatted(rounds, run.spec().rounds())));
    }
  }
}
