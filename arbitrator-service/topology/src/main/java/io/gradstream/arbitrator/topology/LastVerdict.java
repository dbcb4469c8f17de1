package io.gradstream.arbitrator.topology;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.apache.kafka.common.TopicPartition;

/**
 * Finds the verdict that a run goes on from: the last one on the log whose digests chain it to the
 * verdicts before it. A record that is no verdict does not count, nor does a forged verdict of a
 * later round, be it the first record of all.
 */
final class LastVerdict {
  /** How many verdicts before the last one are checked, or all if there are fewer. */
  private static final int CHAIN_LENGTH = 4;

  private static final long NONE = -1;

  private LastVerdict() {}

  static Optional<Verdict> find(LogReader log, TopicPartition verdicts, Run run) {
    final long end = log.end(verdicts);
    for (long back = 4L * CHAIN_LENGTH; ; back *= 8) {
      final long from = Math.max(0, end - back);
      final var read = new ArrayList<Verdict>();
      final var firstOffset = new AtomicLong(NONE);
      log.read(
          verdicts,
          from,
          end,
          record -> {
            firstOffset.compareAndSet(NONE, record.offset());
            VerdictParser.parseIfValid(record.value(), run).ifPresent(read::add);
          });
      final Predicate<Verdict> begins =
          verdict ->
              firstOffset.get() == 0
                  ? begins(verdict, run.description())
                  // Retention took the beginning: nothing is left that the first one could name.
                  : from == 0 && verdict.equals(read.getFirst());
      final Optional<Verdict> last = find(read, run.description().digest(), begins);
      if (last.isPresent() || from == 0) {
        return last;
      }
    }
  }

  /** Whether a verdict needs none before it: the run's first, or that which a fork goes on from. */
  private static boolean begins(Verdict verdict, RunDescription run) {
    return run.origin().isPresent()
        ? VerdictChain.beginsFork(verdict, run)
        : VerdictChain.broken(verdict, run.digest(), run.firstRound() - 1, ByteString.EMPTY)
            .isEmpty();
  }

  /**
   * The verdict of the latest round that is chained to those before it; of several the first on the
   * log.
   *
   * @param verdicts in order of the log
   * @param run digest of the run's record
   * @param begins whether a verdict needs none before it
   */
  static Optional<Verdict> find(List<Verdict> verdicts, ByteString run, Predicate<Verdict> begins) {
    final Map<ByteString, Verdict> byDigest = new HashMap<>();
    verdicts.forEach(verdict -> byDigest.put(Digests.of(verdict), verdict));
    return verdicts.stream()
        .filter(verdict -> isChained(verdict, run, begins, byDigest))
        .reduce((one, other) -> other.getRound() > one.getRound() ? other : one);
  }

  private static boolean isChained(
      Verdict last, ByteString run, Predicate<Verdict> begins, Map<ByteString, Verdict> byDigest) {
    Verdict verdict = last;
    for (int depth = 0; depth < CHAIN_LENGTH && !begins.test(verdict); depth++) {
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
