package io.gradstream.arbitrator.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.arbitrator.round.RoundDecider;
import io.gradstream.arbitrator.round.SkippedRound;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.TopicKind.Writer;
import io.gradstream.proto.topic.Topics;
import java.time.Duration;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides rounds: statistics of all partitions in, verdicts out.
 *
 * <p>It keeps no store. The last verdict on the log carries the method's state, and the statistics
 * after it are on the log too: a start reads both and then goes on with the subscription. Records
 * that come twice are recognised by their round. A partition that sends the statistics of the round
 * before once more misses that round's verdict, which is then published again.
 *
 * <p>One instance in the whole run, on its task's thread.
 */
final class RoundResolver implements Processor<byte[], byte[], byte[], byte[]> {
  static final String NAME = "resolver";
  private static final Logger LOG = LoggerFactory.getLogger(RoundResolver.class);
  private static final Duration RESUME_DELAY = Duration.ofMillis(100);

  private final Run run;
  private final Topics topics;
  private final LogReader log;
  private RoundDecider decider;
  private ProcessorContext<byte[], byte[]> context;
  private TopicSinks sinks;
  private boolean resumed;

  @SuppressWarnings("NullAway.Init") // Kafka Streams calls init before anything else
  RoundResolver(Run run, LogReader log) {
    this.run = run;
    this.topics = run.topics();
    this.log = log;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> processorContext) {
    context = processorContext;
    sinks = new TopicSinks(topics, Writer.ARBITRATOR, NAME, context);
    decider = new RoundDecider(run.description());
    resumed = false;
    context.schedule(RESUME_DELAY, PunctuationType.WALL_CLOCK_TIME, now -> resume());
  }

  /**
   * Reads the records of before. This cannot be done in {@link #init}, where nothing can be
   * forwarded yet.
   */
  private void resume() {
    if (resumed) {
      return;
    }
    resumed = true;
    final var statistics = new TopicPartition(topics.statistics(), 0);
    LastVerdict.find(log, new TopicPartition(topics.verdicts(), 0), run)
        .ifPresent(decider::restore);
    final long committed = log.committed(statistics);
    final long from = decider.last().map(Verdict::getStatisticsOffset).orElse(0L);
    log.read(statistics, from, committed, record -> take(record.offset(), record.value()));
    log.close();
    LOG.info(
        "the arbitrator of run {} decides the rounds from {} on", topics.run(), decider.round());
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    resume();
    final long offset =
        context.recordMetadata().orElseThrow(() -> new IllegalStateException("no source")).offset();
    take(offset, record.value());
  }

  private void take(long offset, byte @Nullable [] value) {
    final ShardStatistics statistics;
    try {
      statistics = ShardStatistics.parseFrom(value == null ? new byte[0] : value);
    } catch (InvalidProtocolBufferException e) {
      refuse(offset, value, "not statistics");
      return;
    }
    if (statistics.getManifest() != run.manifest().hash()) {
      refuse(offset, value, "statistics of another manifest");
    } else if (statistics.getRound() == decider.round()) {
      if (decider.fits(statistics)) {
        decider.add(statistics, offset).ifPresentOrElse(this::publish, () -> logStop(statistics));
      } else {
        refuse(offset, value, "statistics of shards or slots that the round does not have");
      }
    } else if (statistics.getRound() == decider.round() - 1) {
      decider.last().ifPresent(this::publish);
    }
  }

  private void logStop(ShardStatistics statistics) {
    if (statistics.hasDivergence()) {
      LOG.error(
          "arbitrator of run {}: round {} cannot end and is not skipped ({} in a row were): {}",
          topics.run(),
          statistics.getRound(),
          decider.last().map(Verdict::getSkippedInARow).orElse(0),
          SkippedRound.reason(statistics.getDivergence(), topics.tasks()));
    }
  }

  private void publish(Verdict verdict) {
    if (verdict.getSkipped()) {
      LOG.warn(
          "arbitrator of run {}: round {} is skipped: {}",
          topics.run(),
          verdict.getRound(),
          verdict.getSkippedBecause());
    }
    sinks.send(TopicKind.VERDICTS, Keys.round(verdict.getRound()), Digests.canonical(verdict));
  }

  private void refuse(long offset, byte @Nullable [] value, String reason) {
    sinks.refuse(new TopicPartition(topics.statistics(), 0), offset, value, reason);
  }
}
