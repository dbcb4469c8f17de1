package io.gradstream.cli.progress;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.ValidationChain;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogFollower;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.Topics;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a run's small topics from their beginning (orders, statistics, verdicts, metrics) into a
 * {@link RunSummary}. No vector is read. One thread.
 */
public final class RunReader implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RunReader.class);

  /** Hands one record of a topic to the summary. */
  private interface Handler {
    void handle(LogRecord record) throws InvalidProtocolBufferException, MalformedRecordException;
  }

  private final LogFollower records;
  private final Map<TopicPartition, Handler> handlers = new HashMap<>();
  private final RunSummary summary;
  private final VerdictChain verdicts;
  private final TopicPartition verdictsPartition;

  /** Offset of the first record of the verdicts, whatever it is; -1 before it. */
  private long firstVerdictOffset = -1;

  public RunReader(Run run) {
    summary = new RunSummary(run.manifest().tasks(), run.slots(), run.description().firstRound());
    final var validations = new ValidationChain(run.description());
    verdicts = new VerdictChain(run.description());
    final Topics topics = run.topics();
    for (int task = 0; task < run.orderedTasks(); task++) {
      handlers.put(
          new TopicPartition(topics.orders(task), 0),
          record -> summary.order(Order.parseFrom(record.bytes()).getRound(), record.timestamp()));
    }
    handlers.put(
        new TopicPartition(topics.statistics(), 0),
        record -> {
          final var statistics = ShardStatistics.parseFrom(record.bytes());
          if (statistics.getManifest() == run.manifest().hash()) {
            summary.statistics(statistics, record.timestamp());
          }
        });
    // Every partition that has shards has a copy of each verdict.
    verdictsPartition = new TopicPartition(topics.verdicts(), run.manifest().shard(0).partition());
    handlers.put(verdictsPartition, record -> takeVerdict(record, run));
    handlers.put(
        new TopicPartition(topics.metrics(), 0),
        record -> {
          final Metric metric = Metric.parseFrom(record.bytes());
          if (metric.hasValidation()) {
            validations.take(metric);
          }
          summary.metric(metric);
        });
    records = new LogFollower(run.connection());
    records.follow(handlers.keySet());
  }

  private void takeVerdict(LogRecord record, Run run)
      throws InvalidProtocolBufferException, MalformedRecordException {
    final var verdict = Verdict.parseFrom(record.bytes());
    if (VerdictChain.beginsFork(verdict, run.description())) {
      verdicts.restore(List.of(verdict));
      return;
    }
    if (isAfterRetention(verdict, run)) {
      verdicts.restore(List.of(verdict));
      summary.beginAt(verdict.getRound());
    } else {
      verdicts.take(verdict);
      verdicts.forgetBefore(verdict.getRound() - 1);
    }
    summary.verdict(verdict, record.timestamp());
  }

  /**
   * Whether a verdict is the oldest that retention left. There is none before it to hold it
   * against, so the summary begins with it.
   */
  private boolean isAfterRetention(Verdict verdict, Run run) {
    return firstVerdictOffset > 0
        && verdicts.lastRound() < run.description().firstRound()
        && verdict.getRound() > run.description().firstRound()
        && verdict.getManifest() == run.manifest().hash()
        && verdict.getRun().equals(run.description().digest());
  }

  /** Reads what has arrived since the last call, and asks for more without waiting for it. */
  public RunSummary poll() {
    records.poll(Duration.ZERO).forEach(this::handle);
    return summary;
  }

  /** Reads everything that was written before this call. */
  public RunSummary catchUp() {
    records.catchUp(this::handle);
    return summary;
  }

  /**
   * Hands a record of the run's topics to the summary; one that is none of the run's is skipped.
   */
  void handle(LogRecord record) {
    final TopicPartition partition = record.source();
    if (firstVerdictOffset < 0 && partition.equals(verdictsPartition)) {
      firstVerdictOffset = record.offset();
    }
    if (record.value() == null) {
      log.warn(
          "the reader of the run's topics skips {} at offset {}: an empty record",
          partition,
          record.offset());
      return;
    }
    try {
      handlers.getOrDefault(partition, unread -> {}).handle(record);
    } catch (InvalidProtocolBufferException e) {
      log.warn(
          "the reader of the run's topics skips {} at offset {}: no record of this topic",
          partition,
          record.offset());
    } catch (MalformedRecordException e) {
      log.warn(
          "the reader of the run's topics skips {} at offset {}: {}",
          partition,
          record.offset(),
          e.getMessage());
    }
  }

  @Override
  public void close() {
    records.close();
  }
}
