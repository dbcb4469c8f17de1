package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.checkpoint.StateDigest;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.message.Verdict;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.TopicPartition;

/**
 * Whether a forked run began as it says: with the state whose digest stands in its record, and on
 * each partition with the verdict that belongs to this state. One thread.
 */
final class BeginningCheck {
  private BeginningCheck() {}

  /** What is wrong with a fork's beginning; nothing for a run that is no fork. */
  static List<Finding> of(RunLog log) {
    return log.run().origin().map(origin -> of(log, origin)).orElse(List.of());
  }

  private static List<Finding> of(RunLog log, RunRecord.Origin origin) {
    final var findings = new ArrayList<Finding>();
    final ByteString state = StateDigest.of(log);
    if (!state.equals(origin.getState())) {
      findings.add(
          new Finding(
              Finding.Kind.STATE,
              origin.getVersion(),
              new TopicPartition(log.run().topics().state(), 0),
              Finding.NOWHERE,
              "what the fork began with has another digest than its record says",
              Finding.text(state),
              Finding.text(origin.getState())));
      return findings;
    }
    final List<PartitionState> begun = PartitionState.begun(log);
    for (int partition = 0; partition < begun.size(); partition++) {
      final ByteString expected = Digests.of(begun.get(partition).round().getLast());
      final var verdicts = new TopicPartition(log.run().topics().verdicts(), partition);
      try (LogCursor cursor = log.read(verdicts, 0)) {
        final LogRecord first = cursor.next();
        final ByteString found = first == null ? ByteString.EMPTY : digest(first);
        if (!found.equals(expected)) {
          findings.add(
              new Finding(
                  Finding.Kind.VERDICT,
                  origin.getVersion() - 1,
                  verdicts,
                  first == null ? Finding.NOWHERE : first.offset(),
                  "not the verdict that the fork began with",
                  Finding.text(found),
                  Finding.text(expected)));
        }
      }
    }
    return findings;
  }

  private static ByteString digest(LogRecord record) {
    try {
      return Digests.of(Verdict.parseFrom(record.bytes()));
    } catch (InvalidProtocolBufferException e) {
      return ByteString.EMPTY;
    }
  }
}
