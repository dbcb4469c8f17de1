package io.gradstream.audit.rounds;

import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What went into a round and what was decided, as the log says.
 *
 * @param verdict the round's verdict
 * @param source where its first copy lies
 * @param statements the statistics that the verdict was made of, in the order in which they lie
 */
public record LoggedRound(Verdict verdict, LogRecord source, List<Statement> statements) {
  /** A record of statistics and what it says. */
  public record Statement(LogRecord record, ShardStatistics statistics) {}

  /** What was said of a shard, and where. */
  public record Said(LogRecord record, ShardStatistics.Products products) {}

  /** The round's number. */
  public long round() {
    return verdict.getRound();
  }

  /** What counts of the statistics, by shard: of what was said twice the first. */
  public SortedMap<Integer, Said> products() {
    final var products = new TreeMap<Integer, Said>();
    for (final Statement statement : statements) {
      for (final var each : statement.statistics().getShardsList()) {
        products.putIfAbsent(each.getShard(), new Said(statement.record(), each));
      }
    }
    return products;
  }
}
