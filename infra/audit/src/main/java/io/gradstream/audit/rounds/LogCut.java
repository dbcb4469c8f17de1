package io.gradstream.audit.rounds;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.topic.Topics;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A run's log up to one moment, while the run may go on.
 *
 * <p>Where each partition ends is asked in the order from effects to causes: metrics, weights,
 * updates, verdicts, statistics, gradients. So whatever is in the cut, what it was made of is in
 * the cut as well; only the consequences of the newest verdicts may be missing. When the cut has
 * the run's last verdict, the ends of its consequences are asked once more: nothing else will come.
 * One owner, one thread.
 */
public final class LogCut implements RunLog {
  private final RunLog log;
  private final Map<TopicPartition, Long> ends = new HashMap<>();
  private final @Nullable Verdict last;

  private LogCut(RunLog log) {
    this.log = log;
    final Topics topics = log.run().topics();
    final List<String> effects = List.of(topics.metrics(), topics.weights(), topics.updates());
    effects.forEach(this::end);
    end(topics.verdicts());
    this.last = findLast(new TopicPartition(topics.verdicts(), 0));
    if (isOver()) {
      effects.forEach(this::end);
    }
    end(topics.statistics());
    for (int task = 0; task < log.run().orderedTasks(); task++) {
      end(topics.gradients(task));
      end(topics.orders(task));
    }
    end(topics.deadLetters());
  }

  /** Cuts a log here and now; closing the cut closes the log. */
  public static LogCut of(RunLog log) {
    return log instanceof LogCut cut ? cut : new LogCut(log);
  }

  private void end(String topic) {
    for (int partition = 0; partition < log.partitions(topic); partition++) {
      final var of = new TopicPartition(topic, partition);
      ends.put(of, log.end(of));
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
    return ends.computeIfAbsent(partition, log::end);
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
