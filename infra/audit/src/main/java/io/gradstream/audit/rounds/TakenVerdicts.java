package io.gradstream.audit.rounds;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The verdicts of a log that count: each goes on from the one before, as the services take them in.
 * What does not go on is passed over, whatever round it says it is of.
 *
 * <p>The first partition's copies are read, to the end. Of each verdict its digest is kept.
 */
final class TakenVerdicts {
  private final RunDescription run;
  private final VerdictChain chain;
  private @Nullable Verdict last;
  private @Nullable Verdict passedOver;

  private TakenVerdicts(RunDescription run) {
    this.run = run;
    this.chain = new VerdictChain(run);
  }

  /** Reads a log's verdicts. */
  static TakenVerdicts read(RunLog log) {
    final var taken = new TakenVerdicts(log.run());
    final var partition = new TopicPartition(log.run().topics().verdicts(), 0);
    final boolean whole = log.start(partition) == 0;
    try (LogCursor cursor = log.read(partition, 0)) {
      for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
        taken.take(next.bytes(), whole);
      }
    }
    return taken;
  }

  private void take(byte[] record, boolean whole) {
    final Verdict verdict = parse(record);
    if (verdict == null) {
      return;
    }
    // What a fork begins with, or what retention left, goes on from nothing that is there.
    if (last == null && (!whole || VerdictChain.beginsFork(verdict, run))) {
      chain.restore(List.of(verdict));
      last = verdict;
      return;
    }
    try {
      if (chain.take(verdict) == VerdictChain.Link.NEXT) {
        last = verdict;
      }
    } catch (MalformedRecordException e) {
      passOver(verdict);
    }
  }

  /**
   * One verdict that goes on from nothing is somebody's invention; two that go on from each other
   * say that the log has gone on behind a place that is broken.
   */
  private void passOver(Verdict verdict) {
    if (passedOver != null
        && (last == null || verdict.getRound() > last.getRound())
        && VerdictChain.broken(verdict, run.digest(), passedOver.getRound(), Digests.of(passedOver))
            .isEmpty()) {
      last = verdict;
    }
    passedOver = verdict;
  }

  private @Nullable Verdict parse(byte[] record) {
    try {
      final Verdict verdict = Verdict.parseFrom(record);
      final boolean ofThisRun =
          verdict.getManifest() == run.manifest().hash()
              && verdict.getRound() < run.spec().rounds();
      return ofThisRun ? verdict : null;
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  /** Their digests; of those behind a broken place there are none. */
  VerdictChain chain() {
    return chain;
  }

  /** The newest one, also behind a broken place. */
  Optional<Verdict> last() {
    return Optional.ofNullable(last);
  }
}
