package io.gradstream.proto.run;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.Verdict;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/**
 * How far a run's weights can have come: a version follows from the verdict of the round before,
 * which is on the log first. Weights of a later version are somebody's invention, however well they
 * fit themselves, and whoever took them would wait for the run to catch up.
 *
 * <p>Verdicts are read from the end backwards, and one counts that goes on from another: what
 * belongs to no chain tells nothing. Against somebody who also writes two verdicts that fit each
 * other there are keys. One owner; thread-safe as far as its reader is used by nobody else.
 */
public final class NewestVersion {
  private static final int FIRST_WINDOW = 16;

  private final Run run;
  private final LogReader log;
  private final TopicPartition verdicts;
  private long newest;
  private long seenEnd = -1;

  /**
   * @param log reads the verdicts, when it has to
   */
  public NewestVersion(Run run, LogReader log) {
    this.run = run;
    this.log = log;
    this.verdicts =
        new TopicPartition(run.topics().verdicts(), run.manifest().shard(0).partition());
    this.newest = run.description().firstRound();
  }

  /** Whether weights of a version can be there; reads the log where that is not known yet. */
  public synchronized boolean allows(long version) {
    if (version > newest) {
      final long end = log.end(verdicts);
      if (end != seenEnd) {
        newest = Math.max(newest, look(end));
        seenEnd = end;
      }
    }
    return version <= newest;
  }

  private long look(long end) {
    final long start = log.start(verdicts);
    for (long window = FIRST_WINDOW; ; window *= 4) {
      final long from = Math.max(start, end - window);
      final long found = lastOfAChain(from, end);
      if (found >= 0) {
        return found + 1;
      }
      if (from == start) {
        return run.description().firstRound();
      }
    }
  }

  /** The round of the last verdict that goes on from another; -1 if none does. */
  private long lastOfAChain(long from, long end) {
    final Map<Long, Map<ByteString, Verdict>> byRound = new HashMap<>();
    log.read(
        verdicts,
        from,
        end,
        record -> {
          try {
            final Verdict verdict = Verdict.parseFrom(record.bytes());
            if (verdict.getManifest() == run.manifest().hash()
                && verdict.getRun().equals(run.description().digest())
                && verdict.getRound() < run.spec().rounds()) {
              byRound
                  .computeIfAbsent(verdict.getRound(), round -> new HashMap<>())
                  .put(Digests.of(verdict), verdict);
            }
          } catch (InvalidProtocolBufferException e) {
            // It tells nothing.
          }
        });
    return byRound.values().stream()
        .flatMap(ofRound -> ofRound.values().stream())
        .filter(verdict -> goesOn(verdict, byRound))
        .mapToLong(Verdict::getRound)
        .max()
        .orElse(-1);
  }

  private boolean goesOn(Verdict verdict, Map<Long, Map<ByteString, Verdict>> byRound) {
    final long before = verdict.getRound() - 1;
    final boolean isFirst = verdict.getRound() == run.description().firstRound();
    return isFirst
        || byRound.getOrDefault(before, Map.of()).keySet().stream()
            .anyMatch(
                digest ->
                    VerdictChain.broken(verdict, run.description().digest(), before, digest)
                        .isEmpty());
  }
}
