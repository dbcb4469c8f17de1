package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.audit.rounds.FindingListener;
import io.gradstream.audit.rounds.LogCut;
import io.gradstream.audit.rounds.LoggedUpdates;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The updates and weights of a run as they were published, round by round, and what is wrong with
 * them beside those that were computed. One owner, one thread.
 */
final class PublishedShards implements AutoCloseable {
  private final RunDescription run;
  private final boolean over;
  private final FindingListener findings;
  private final ShardComparison comparison;
  private final List<LoggedUpdates> updates = new ArrayList<>();
  private final List<WeightsCheck> weights = new ArrayList<>();

  PublishedShards(LogCut log, FindingListener findings) {
    this.run = log.run();
    this.over = log.isOver();
    this.findings = findings;
    this.comparison = new ShardComparison(run);
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      updates.add(new LoggedUpdates(log, partition, findings));
      weights.add(new WeightsCheck(log, partition, findings));
    }
  }

  /** Versions of shards of the weights that were compared. */
  long weightsCompared() {
    return weights.stream().mapToLong(WeightsCheck::compared).sum();
  }

  /** Versions of shards of the weights that were compacted away. */
  long weightsGone() {
    return weights.stream().mapToLong(WeightsCheck::gone).sum();
  }

  /** Versions of partitions of the weights that had the seal that was computed or another one. */
  long sealsCompared() {
    return weights.stream().mapToLong(WeightsCheck::sealsCompared).sum();
  }

  /** The weights to start from; what of them is missing or was changed is found. */
  SortedMap<Integer, LogRecord> initial() {
    final SortedMap<Integer, LogRecord> initial = updates(LoggedUpdates.INITIAL);
    initial.values().forEach(record -> comparison.initial(record).ifPresent(findings::add));
    return initial;
  }

  /** The updates of a round, by shard; what is missing is found. */
  SortedMap<Integer, LogRecord> updates(long round) {
    final var records = new TreeMap<Integer, LogRecord>();
    for (final LoggedUpdates partition : updates) {
      final SortedMap<Integer, LogRecord> there = partition.next(round);
      requireAll(partition, there);
      records.putAll(there);
    }
    return records;
  }

  /** Compares a round's updates with those that were computed. */
  void compareUpdates(
      long round, SortedMap<Integer, LogRecord> recorded, SortedMap<Integer, byte[]> own) {
    recorded.forEach(
        (shard, record) ->
            comparison
                .update(round, record, own.getOrDefault(shard, new byte[0]))
                .ifPresent(findings::add));
  }

  /** Whether a round's updates name a verdict as the one that they follow from. */
  static boolean follow(SortedMap<Integer, LogRecord> recorded, ByteString verdict) {
    return recorded.values().stream()
        .map(record -> verdictOf(record.bytes()))
        .flatMap(Optional::stream)
        .anyMatch(verdict::equals);
  }

  private static Optional<ByteString> verdictOf(byte[] record) {
    try {
      return Optional.of(ValuesRecord.read(record, UpdateShard.parser()).header().getVerdict());
    } catch (MalformedRecordException e) {
      return Optional.empty();
    }
  }

  /** Holds updates that cannot be computed here against their own digests and their verdict's. */
  void checkUpdates(long round, SortedMap<Integer, LogRecord> recorded, ByteString verdict) {
    recorded
        .values()
        .forEach(record -> comparison.chained(round, record, verdict).ifPresent(findings::add));
  }

  /**
   * Compares a version of the weights and its seals with those that were computed.
   *
   * @param verdict digest of what the version follows from
   */
  void compareWeights(long version, ByteString verdict, Recalculation own) {
    for (int partition = 0; partition < weights.size(); partition++) {
      final int of = partition;
      weights
          .get(of)
          .compare(
              version,
              new WeightsCheck.Computed() {
                @Override
                public byte[] weights(Shard shard) {
                  return own.weights(shard);
                }

                @Override
                public WeightSeal seal() {
                  return own.seal(of, run.digest(), verdict);
                }
              });
    }
  }

  /** Of a run that is not over something may be on its way: what the log ends with. */
  private void requireAll(LoggedUpdates partition, SortedMap<Integer, LogRecord> there) {
    if (there.size() == partition.shards().size()
        || partition.gone()
        || (!over && partition.ended())) {
      return;
    }
    for (final Shard shard : partition.shards()) {
      if (!there.containsKey(shard.index())) {
        findings.add(partition.missing(shard));
      }
    }
  }

  /**
   * Reads updates, weights and seals to their end.
   *
   * @param rounds how many rounds the log's verdicts decided; what is of later ones is unfounded
   */
  void readRest(long rounds) {
    updates.forEach(partition -> partition.readRest(rounds - 1));
    weights.forEach(partition -> partition.end(rounds, over));
  }

  /** Looks for what is missed of the weights that were compared, and leaves the rest alone. */
  void stop() {
    weights.forEach(partition -> partition.end(-1, over));
  }

  @Override
  public void close() {
    updates.forEach(LoggedUpdates::close);
    weights.forEach(WeightsCheck::close);
  }
}
