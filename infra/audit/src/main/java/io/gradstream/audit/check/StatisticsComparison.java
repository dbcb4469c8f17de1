package io.gradstream.audit.check;

import io.gradstream.audit.rounds.Difference;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.proto.message.ShardStatistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Compares the statistics that a round's verdict was made of with those computed here. */
final class StatisticsComparison {
  private final LoggedRound logged;
  private final List<Finding> findings = new ArrayList<>();

  private StatisticsComparison(LoggedRound logged) {
    this.logged = logged;
  }

  /**
   * What is wrong with the recorded ones.
   *
   * @param own those of all partitions, computed from the counted gradients
   */
  static List<Finding> of(LoggedRound logged, List<ShardStatistics> own) {
    final var comparison = new StatisticsComparison(logged);
    comparison.products(own);
    comparison.slots(own);
    return comparison.findings;
  }

  private void products(List<ShardStatistics> own) {
    final SortedMap<Integer, LoggedRound.Said> recorded = logged.products();
    for (final ShardStatistics statistics : own) {
      for (final ShardStatistics.Products products : statistics.getShardsList()) {
        final LoggedRound.Said said = recorded.get(products.getShard());
        if (said != null && !said.products().equals(products)) {
          findings.add(
              Difference.between(said.products(), products)
                  .finding(
                      Finding.Kind.STATISTICS,
                      logged.round(),
                      said.record(),
                      "statistics of shard " + products.getShard()));
        }
      }
    }
  }

  /** What the slots said of themselves stands in the first record of each partition. */
  private void slots(List<ShardStatistics> own) {
    final Map<Integer, List<ShardStatistics.Slot>> expected = new TreeMap<>();
    for (final ShardStatistics statistics : own) {
      if (statistics.getSlotsCount() > 0) {
        expected.put(statistics.getPartition(), statistics.getSlotsList());
      }
    }
    for (final LoggedRound.Statement statement : logged.statements()) {
      final ShardStatistics said = statement.statistics();
      final var slots = expected.getOrDefault(said.getPartition(), List.of());
      if (said.getSlotsCount() > 0 && !said.getSlotsList().equals(slots)) {
        final ShardStatistics.Builder bare = said.toBuilder().clearShards().clearSlots();
        findings.add(
            Difference.between(
                    bare.clone().addAllSlots(said.getSlotsList()).build(),
                    bare.addAllSlots(slots).build())
                .finding(
                    Finding.Kind.STATISTICS,
                    logged.round(),
                    statement.record(),
                    "what the slots said of themselves"));
      }
    }
  }
}
