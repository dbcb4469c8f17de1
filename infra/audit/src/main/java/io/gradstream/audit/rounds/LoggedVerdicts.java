package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One partition's copies of the verdicts, in order of rounds. A verdict that comes again must be
 * the same. One owner, one thread.
 */
final class LoggedVerdicts implements AutoCloseable {
  /** A verdict and where it lies. */
  record Copy(LogRecord record, Verdict verdict) {}

  private final long manifest;
  private final FindingListener findings;
  private final PeekingCursor records;
  private ByteString digestBefore = ByteString.EMPTY;

  LoggedVerdicts(RunLog log, int partition, FindingListener findings) {
    final RunDescription run = log.run();
    this.manifest = run.manifest().hash();
    this.findings = findings;
    this.records = new PeekingCursor(log, new TopicPartition(run.topics().verdicts(), partition));
  }

  /** The first copy of a round's verdict; null if the log goes on without it, or ends. */
  @Nullable Copy next(long round) {
    for (LogRecord record = records.peek(); record != null; record = records.peek()) {
      final Verdict verdict = parse(record);
      if (verdict == null || verdict.getManifest() != manifest) {
        records.skip();
        continue;
      }
      if (verdict.getRound() > round) {
        return null;
      }
      records.skip();
      if (verdict.getRound() == round) {
        digestBefore = Digests.of(verdict);
        return new Copy(record, verdict);
      }
      if (verdict.getRound() == round - 1
          && !digestBefore.isEmpty()
          && !Digests.of(verdict).equals(digestBefore)) {
        findings.add(
            Finding.of(
                Finding.Kind.VERDICT,
                verdict.getRound(),
                record,
                "the verdict, sent once more, says something else"));
      }
    }
    return null;
  }

  /** The first verdict that is still there, whatever its round; null if there is none. */
  @Nullable Verdict first() {
    for (LogRecord record = records.peek(); record != null; record = records.peek()) {
      final Verdict verdict = parse(record);
      if (verdict != null && verdict.getManifest() == manifest) {
        return verdict;
      }
      records.skip();
    }
    return null;
  }

  /** Whether nothing comes any more. */
  boolean ended() {
    return records.peek() == null;
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
