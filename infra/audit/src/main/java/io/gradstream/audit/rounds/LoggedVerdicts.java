package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One partition's copies of the verdicts, in order of rounds, as the services take them: what does
 * not go on from the verdict before is passed over. A verdict that comes again must be the same.
 * One owner, one thread.
 */
final class LoggedVerdicts implements AutoCloseable {
  /** A verdict and where it lies. */
  record Copy(LogRecord record, Verdict verdict) {}

  private final RunDescription run;
  private final FindingListener findings;
  private final PeekingCursor records;
  private final Deque<Copy> ahead = new ArrayDeque<>();
  private ByteString digestBefore = ByteString.EMPTY;

  LoggedVerdicts(RunLog log, int partition, FindingListener findings) {
    this.run = log.run();
    this.findings = findings;
    this.records = new PeekingCursor(log, new TopicPartition(run.topics().verdicts(), partition));
  }

  /**
   * The first copy of a round's verdict: the first that goes on from the verdict before, as
   * services take it; where none does, the first of the round. Null if the log goes on without it,
   * or ends.
   *
   * <p>What lies before it and is of a later round is kept for that: usually somebody made it up.
   * Two that go on from each other say that the log has gone on.
   *
   * @param before digest of the verdict before, empty in the first round; null where it is not
   *     known
   */
  @Nullable Copy next(long round, @Nullable ByteString before) {
    final Deque<Copy> kept = new ArrayDeque<>(ahead);
    ahead.clear();
    Copy other = null;
    boolean gone = false;
    while (!gone || !kept.isEmpty()) {
      final Copy copy = kept.isEmpty() ? read() : kept.poll();
      if (copy == null) {
        break;
      }
      final Verdict verdict = copy.verdict();
      if (verdict.getRound() > round) {
        gone |= ahead.stream().anyMatch(each -> follows(verdict, each.verdict()));
        ahead.add(copy);
      } else if (verdict.getRound() < round) {
        checkAgain(copy, round);
      } else if (before == null || follows(verdict, round - 1, before)) {
        reportPassedOver(other);
        other = copy;
        break;
      } else if (other == null) {
        other = copy;
      } else {
        reportPassedOver(copy);
      }
    }
    ahead.addAll(kept);
    if (other != null) {
      digestBefore = Digests.of(other.verdict());
    }
    return other;
  }

  /** Whether a copy goes on from the verdict before it, as {@link #next} was told it. */
  boolean follows(Copy copy, ByteString before) {
    return follows(copy.verdict(), copy.verdict().getRound() - 1, before);
  }

  private boolean follows(Verdict verdict, Verdict before) {
    return follows(verdict, before.getRound(), Digests.of(before));
  }

  private boolean follows(Verdict verdict, long before, ByteString digest) {
    return VerdictChain.broken(verdict, run.digest(), before, digest).isEmpty();
  }

  /** Says that a verdict was passed over, if there is one. */
  void reportPassedOver(@Nullable Copy copy) {
    if (copy != null) {
      findings.add(
          Finding.of(
              Finding.Kind.ORDER,
              copy.verdict().getRound(),
              copy.record(),
              "a verdict that does not go on from the one before, so nobody took it"));
    }
  }

  /** The next verdict of the run's manifest; null at the end. */
  private @Nullable Copy read() {
    for (LogRecord record = records.peek(); record != null; record = records.peek()) {
      records.skip();
      final Verdict verdict = parse(record);
      if (verdict != null && verdict.getManifest() == run.manifest().hash()) {
        return new Copy(record, verdict);
      }
    }
    return null;
  }

  private void checkAgain(Copy copy, long round) {
    if (copy.verdict().getRound() == round - 1
        && !digestBefore.isEmpty()
        && !Digests.of(copy.verdict()).equals(digestBefore)) {
      findings.add(
          Finding.of(
              Finding.Kind.ORDER,
              copy.verdict().getRound(),
              copy.record(),
              "the verdict, sent once more, says something else"));
    }
  }

  /** The first verdict that is still there, whatever its round; null if there is none. */
  @Nullable Verdict first() {
    for (LogRecord record = records.peek(); record != null; record = records.peek()) {
      final Verdict verdict = parse(record);
      if (verdict != null && verdict.getManifest() == run.manifest().hash()) {
        return verdict;
      }
      records.skip();
    }
    return null;
  }

  /** Reads to the end: no verdict of the run can be of a round that it does not have. */
  void readRest() {
    for (Copy copy = read(); copy != null; copy = read()) {
      ahead.add(copy);
    }
    ahead.stream()
        .filter(copy -> copy.verdict().getRound() >= run.spec().rounds())
        .forEach(
            copy ->
                findings.add(
                    Finding.of(
                        Finding.Kind.ORDER,
                        copy.verdict().getRound(),
                        copy.record(),
                        "a verdict of a round that the run does not have")));
  }

  /** Whether nothing comes any more. */
  boolean ended() {
    return ahead.isEmpty() && records.peek() == null;
  }

  /** Says that a verdict is missed, and where, if an offset without a record shows it. */
  Finding missing(long round, String what) {
    return Finding.of(Finding.Kind.MISSING, round, records.partition(), records.gap(), what);
  }

  private static @Nullable Verdict parse(LogRecord record) {
    try {
      return Verdict.parseFrom(record.bytes());
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  @Override
  public void close() {
    records.close();
  }
}
