package io.gradstream.arbitrator.topology;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.Run;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Finds the verdict that a run goes on from: the last one on the log whose digests chain it to the
 * verdicts before it. A record that is no verdict does not count, nor does a forged verdict of a
 * later round.
 */
final class LastVerdict {
  /** How many verdicts before the last one are checked, or all if there are fewer. */
  private static final int CHAIN_LENGTH = 4;

  private LastVerdict() {}

  static Optional<Verdict> find(LogReader log, TopicPartition verdicts, Run run) {
    final long end = log.end(verdicts);
    for (long back = 4L * CHAIN_LENGTH; ; back *= 8) {
      final long from = Math.max(0, end - back);
      final var read = new ArrayList<Verdict>();
      log.read(
          verdicts,
          from,
          end,
          record -> VerdictParser.parseIfValid(record.value(), run).ifPresent(read::add));
      final Optional<Verdict> last = find(read, run.description().digest(), from == 0);
      if (last.isPresent() || from == 0) {
        return last;
      }
    }
  }

  /**
   * @param verdicts in order of the log
   * @param run digest of the run's record
   * @param fromBeginning whether they are all verdicts of the log, so that the first one has none
   *     before it
   */
  static Optional<Verdict> find(List<Verdict> verdicts, ByteString run, boolean fromBeginning) {
    final Map<ByteString, Verdict> byDigest = new HashMap<>();
    verdicts.forEach(verdict -> byDigest.put(Digests.of(verdict), verdict));
    final Verdict first = fromBeginning && !verdicts.isEmpty() ? verdicts.getFirst() : null;
    return verdicts.reversed().stream()
        .filter(verdict -> isChained(verdict, first, run, byDigest))
        .findFirst();
  }

  private static boolean isChained(
      Verdict last, @Nullable Verdict first, ByteString run, Map<ByteString, Verdict> byDigest) {
    Verdict verdict = last;
    for (int depth = 0; depth < CHAIN_LENGTH && !verdict.equals(first); depth++) {
      final Verdict before = byDigest.get(verdict.getPrevious());
      if (before == null
          || VerdictChain.broken(verdict, run, before.getRound(), verdict.getPrevious())
              .isPresent()) {
        return false;
      }
      verdict = before;
    }
    return true;
  }
}
