package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.FindingListener;
import io.gradstream.audit.rounds.LogCut;
import io.gradstream.audit.rounds.LoggedShards;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;

/**
 * The updates and weights of a run as they were published, round by round, and what is wrong with
 * them beside those that were computed. One owner, one thread.
 */
final class PublishedShards implements AutoCloseable {
  private final RunDescription run;
  private final boolean over;
  private final FindingListener findings;
  private final ShardComparison comparison;
  private final List<LoggedShards> updates = new ArrayList<>();
  private final List<LoggedShards> weights = new ArrayList<>();
  private final List<SealCheck> seals = new ArrayList<>();
  private final BitSet differing = new BitSet();
  private final BitSet diverged = new BitSet();
  private long weightsCompared;
  private long weightsGone;

  PublishedShards(LogCut log, FindingListener findings) {
    this.run = log.run();
    this.over = log.isOver();
    this.findings = findings;
    this.comparison = new ShardComparison(run);
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      updates.add(LoggedShards.updates(log, partition, findings));
      final var seal =
          new SealCheck(run, new TopicPartition(run.topics().weights(), partition), findings);
      seals.add(seal);
      weights.add(LoggedShards.weights(log, partition, findings, seal::take));
    }
  }

  /** Versions of shards of the weights that were compared. */
  long weightsCompared() {
    return weightsCompared;
  }

  /** Versions of shards of the weights that were compacted away. */
  long weightsGone() {
    return weightsGone;
  }

  /** Versions of partitions of the weights that had the seal that was computed or another one. */
  long sealsCompared() {
    return seals.stream().mapToLong(SealCheck::compared).sum();
  }

  /** The weights to start from; what of them is missing or was changed is found. */
  SortedMap<Integer, LogRecord> initial() {
    final SortedMap<Integer, LogRecord> initial = updates(LoggedShards.INITIAL);
    initial.values().forEach(record -> comparison.initial(record).ifPresent(findings::add));
    return initial;
  }

  /** The updates of a round, by shard; what is missing is found. */
  SortedMap<Integer, LogRecord> updates(long round) {
    final var records = new TreeMap<Integer, LogRecord>();
    for (final LoggedShards partition : updates) {
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
    for (int number = 0; number < weights.size(); number++) {
      final LoggedShards partition = weights.get(number);
      final SortedMap<Integer, LogRecord> there = partition.next(version);
      if (partition.compacted()) {
        weightsGone += partition.shards().size() - there.size();
      } else {
        requireAll(partition, there);
      }
      there.forEach((shard, record) -> compareWeights(version, shard, record, own));
      if (run.isSealed() && !partition.shards().isEmpty()) {
        final WeightSeal seal = own.seal(number, run.digest(), verdict);
        awaitSeal(seals.get(number), seal, partition, there.values());
      }
    }
  }

  /**
   * The seal of the version before lies before this version's shards, and this version's behind
   * them.
   */
  private void awaitSeal(
      SealCheck check, WeightSeal own, LoggedShards partition, Collection<LogRecord> shards) {
    if (partition.compacted()) {
      check.forgiveAwaited();
    } else if (over || !shards.isEmpty() || !partition.ended()) {
      check.requireAwaited();
    }
    final long last =
        shards.stream().mapToLong(LogRecord::offset).max().orElse(Finding.NOWHERE - 1);
    check.expect(own, last + 1);
    if (partition.compacted()) {
      check.forgiveAwaited();
    }
  }

  /** What differs in two versions in a row differs from there on, which is said once. */
  private void compareWeights(long version, int shard, LogRecord record, Recalculation own) {
    if (diverged.get(shard)) {
      return;
    }
    weightsCompared++;
    final Optional<Finding> finding =
        comparison.weights(
            Math.max(0, version - 1), record, own.weights(run.manifest().shard(shard)));
    finding.ifPresent(findings::add);
    if (finding.isPresent() && differing.get(shard)) {
      diverged.set(shard);
    }
    differing.set(shard, finding.isPresent());
  }

  /** Of a run that is not over something may be on its way: what the log ends with. */
  private void requireAll(LoggedShards partition, SortedMap<Integer, LogRecord> there) {
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
    weights.forEach(partition -> partition.readRest(rounds));
    for (final SealCheck check : seals) {
      if (over) {
        check.requireAwaited();
      }
      check.end(rounds);
    }
  }

  @Override
  public void close() {
    updates.forEach(LoggedShards::close);
    weights.forEach(LoggedShards::close);
  }
}
