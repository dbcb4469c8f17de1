package io.gradstream.audit.rounds;

import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import java.util.List;
import java.util.Optional;
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

  /** What the round was skipped for, and where that stands; empty where it was not. */
  public Optional<Statement> divergence() {
    return statements.stream()
        .filter(each -> verdict.getSkipped() && each.statistics().hasDivergence())
        .reduce((first, second) -> second);
  }

  /** Whether the round was skipped, and the statistics say for what. */
  public boolean isSkipped() {
    return divergence().isPresent();
  }

  /**
   * What counts of the statistics, by shard: of what was said twice the first. Of a round that was
   * skipped nothing does; its verdict was made of the gradients that it was skipped for.
   */
  public SortedMap<Integer, Said> products() {
    final var products = new TreeMap<Integer, Said>();
    final Statement divergence = divergence().orElse(null);
    if (divergence != null) {
      final ShardStatistics.Divergence of = divergence.statistics().getDivergence();
      final var refused =
          ShardStatistics.Products.newBuilder()
              .setShard(of.getShard())
              .addAllContributions(of.getRefusedList());
      products.put(of.getShard(), new Said(divergence.record(), refused.build()));
      return products;
    }
    for (final Statement statement : statements) {
      for (final var each : statement.statistics().getShardsList()) {
        products.putIfAbsent(each.getShard(), new Said(statement.record(), each));
      }
    }
    return products;
  }
}
