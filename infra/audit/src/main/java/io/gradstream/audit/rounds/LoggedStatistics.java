package io.gradstream.audit.rounds;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.arbitrator.round.RoundDecider;
import io.gradstream.arbitrator.round.SkippedRound;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The statistics topic, read as the resolver reads it: of each round the records up to the one that
 * it is decided by. Statistics that the round cannot have, and such of a later round, are passed
 * over, as the resolver did. What comes again afterwards must say the same. One owner, one thread.
 */
final class LoggedStatistics implements AutoCloseable {
  private final RunDescription run;
  private final Manifest manifest;
  private final FindingListener findings;
  private final PeekingCursor records;
  private final RoundDecider decider;
  private @Nullable LogRecord passedOver;
  private long place = Finding.NOWHERE;
  private Map<Integer, ShardStatistics.Products> before = Map.of();

  LoggedStatistics(RunLog log, FindingListener findings) {
    this.run = log.run();
    this.manifest = run.manifest();
    this.decider = new RoundDecider(run);
    this.findings = findings;
    this.records = new PeekingCursor(log, new TopicPartition(run.topics().statistics(), 0));
  }

  /**
   * The records that a round is decided by; empty if the log does not have all of them.
   *
   * @param verdict of the round before; null in the first
   */
  Optional<List<LoggedRound.Statement>> next(long round, @Nullable Verdict verdict) {
    if (verdict != null) {
      decider.restore(verdict);
    }
    passedOver = null;
    final var statements = new ArrayList<LoggedRound.Statement>();
    final var products = new HashMap<Integer, ShardStatistics.Products>();
    boolean skipped = false;
    while (!skipped && products.size() < manifest.shards().size()) {
      final LogRecord record = records.peek();
      if (record == null) {
        return Optional.empty();
      }
      final ShardStatistics statistics = parse(record);
      if (statistics != null
          && (statistics.getRound() > round
              || (statistics.getRound() == round && !decider.fits(statistics)))) {
        if (passedOver == null) {
          passedOver = record;
          place = records.gap();
        }
      } else if (statistics != null && statistics.getRound() == round) {
        statements.add(new LoggedRound.Statement(record, statistics));
        skipped = SkippedRound.isDecidedBy(statistics, run, verdict);
        statistics.getShardsList().forEach(each -> products.putIfAbsent(each.getShard(), each));
      } else if (statistics != null && statistics.getRound() == round - 1) {
        compareWithFirst(record, statistics);
      }
      records.skip();
    }
    before = products;
    passedOver = null;
    return Optional.of(statements);
  }

  /**
   * The first round of which nothing is gone: retention may have taken a part of one. That past the
   * run's last where there are no statistics.
   */
  long firstWhole() {
    for (LogRecord record = records.peek(); record != null; record = records.peek()) {
      final ShardStatistics statistics = parse(record);
      if (statistics != null) {
        return statistics.getRound() + 1;
      }
      records.skip();
    }
    return run.spec().rounds();
  }

  /** Whether nothing comes any more. */
  boolean ended() {
    return records.peek() == null && passedOver == null;
  }

  /** Says that statistics are missed, and where, if an offset without a record shows it. */
  Finding missing(long round) {
    return Finding.of(
        Finding.Kind.MISSING,
        round,
        records.partition(),
        passedOver == null ? records.gap() : place,
        "statistics of the round are not there");
  }

  private void compareWithFirst(LogRecord record, ShardStatistics again) {
    for (final ShardStatistics.Products products : again.getShardsList()) {
      final ShardStatistics.Products first = before.get(products.getShard());
      if (first != null && !first.equals(products)) {
        findings.add(
            Difference.between(products, first)
                .finding(
                    Finding.Kind.STATISTICS,
                    again.getRound(),
                    record,
                    "statistics of shard %d, sent once more, say something else"
                        .formatted(products.getShard())));
      }
    }
  }

  /** What a record says; null for one that the resolver refused as well. */
  private @Nullable ShardStatistics parse(LogRecord record) {
    try {
      final ShardStatistics statistics = ShardStatistics.parseFrom(record.bytes());
      return statistics.getManifest() == manifest.hash() ? statistics : null;
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  @Override
  public void close() {
    records.close();
  }
}
