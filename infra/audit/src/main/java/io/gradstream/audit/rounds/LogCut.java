package io.gradstream.audit.rounds;

import io.gradstream.proto.evidence.VerdictChain;
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
  private final TakenVerdicts verdicts;

  private LogCut(RunLog log) {
    this.log = log;
    for (final TopicKind kind : TopicKind.values()) {
      cut(kind);
    }
    this.verdicts = TakenVerdicts.read(this);
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

  /** The newest verdict in the cut. */
  public Optional<Verdict> last() {
    return verdicts.last();
  }

  /**
   * The digests of the run's verdicts as the services took them in; of those behind one that is
   * missing or was changed none is known.
   */
  public VerdictChain verdicts() {
    return verdicts.chain();
  }

  /** Whether the cut has the run's last verdict: then nothing is on its way any more. */
  public boolean isOver() {
    return last().filter(verdict -> verdict.getRound() == run().spec().rounds() - 1).isPresent();
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
