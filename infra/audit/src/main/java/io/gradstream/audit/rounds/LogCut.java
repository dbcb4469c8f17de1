package io.gradstream.audit.rounds;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.topic.TopicKind;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A run's log up to one moment, while the run may go on.
 *
 * <p>Where each partition ends is asked in the order of {@link TopicKind}, from effects to causes.
 * So a record in the cut has the records that it follows from in the cut as well; only the
 * consequences of the newest verdicts may be missing. When the cut has the run's last verdict, the
 * ends of its consequences are asked once more, since nothing follows after them. One owner, one
 * thread.
 */
public final class LogCut implements RunLog {
  private final RunLog log;
  private final Map<TopicPartition, Long> ends = new HashMap<>();
  private final @Nullable Verdict last;

  private LogCut(RunLog log) {
    this.log = log;
    for (final TopicKind kind : TopicKind.values()) {
      cut(kind);
    }
    this.last = findLast(new TopicPartition(log.run().topics().verdicts(), 0));
    if (isOver()) {
      EnumSet.range(TopicKind.SPEC, TopicKind.UPDATES).forEach(this::cut);
    }
  }

  /** Cuts a log here and now; closing the cut closes the log. */
  public static LogCut of(RunLog log) {
    return log instanceof LogCut cut ? cut : new LogCut(log);
  }

  private void cut(TopicKind kind) {
    for (final String topic : log.run().topicsOf(kind)) {
      for (int partition = 0; partition < log.partitions(topic); partition++) {
        final var of = new TopicPartition(topic, partition);
        ends.put(of, log.end(of));
      }
    }
  }

  /** Looks for the last verdict from the end backwards. */
  private @Nullable Verdict findLast(TopicPartition verdicts) {
    final long start = log.start(verdicts);
    final long end = end(verdicts);
    for (long back = 4; ; back *= 2) {
      final long from = Math.max(start, end - back);
      Verdict found = null;
      try (LogCursor cursor = read(verdicts, from)) {
        for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
          final Verdict verdict = verdict(next);
          if (verdict != null && (found == null || verdict.getRound() > found.getRound())) {
            found = verdict;
          }
        }
      }
      if (found != null || from == start) {
        return found;
      }
    }
  }

  private @Nullable Verdict verdict(LogRecord record) {
    try {
      final Verdict verdict = Verdict.parseFrom(record.bytes());
      final boolean ofThisRun =
          verdict.getManifest() == log.run().manifest().hash()
              && verdict.getRound() < log.run().spec().rounds();
      return ofThisRun ? verdict : null;
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  /** The newest verdict in the cut. */
  public Optional<Verdict> last() {
    return Optional.ofNullable(last);
  }

  /** Whether the cut has the run's last verdict: then nothing is on its way any more. */
  public boolean isOver() {
    return last != null && last.getRound() == log.run().spec().rounds() - 1;
  }

  @Override
  public RunDescription run() {
    return log.run();
  }

  @Override
  public int partitions(String topic) {
    return log.partitions(topic);
  }

  @Override
  public long start(TopicPartition partition) {
    return log.start(partition);
  }

  @Override
  public long end(TopicPartition partition) {
    final Long end = ends.get(partition);
    if (end != null) {
      return end;
    }
    if (partition.partition() < log.partitions(partition.topic())) {
      throw new IllegalStateException(partition + " is not in the cut");
    }
    return 0;
  }

  @Override
  public LogCursor read(TopicPartition partition, long from) {
    final long end = end(partition);
    final LogCursor cursor = log.read(partition, from);
    return new LogCursor() {
      @Override
      public @Nullable LogRecord next() {
        final LogRecord next = cursor.next();
        return next == null || next.offset() >= end ? null : next;
      }

      @Override
      public void close() {
        cursor.close();
      }
    };
  }

  @Override
  public void close() {
    log.close();
  }
}
