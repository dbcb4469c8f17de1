package io.gradstream.audit.restore;

import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.server.weights.PartitionWeights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Takes the optimizer steps of one partition once more, from its recorded updates.
 *
 * <p>As the parameter server does it: a shard's updates come in order of rounds, each perhaps more
 * than once, and a step is taken when all shards that it needs at once have theirs. One thread.
 */
final class RecordedSteps {
  private record ShardRound(long round, int shard) {}

  private final PartitionWeights weights;
  private final long version;
  private final Map<ShardRound, ValuesRecord<UpdateShard>> ahead = new HashMap<>();

  /**
   * @param weights changed in place
   * @param version where to stop
   */
  RecordedSteps(PartitionWeights weights, long version) {
    this.weights = weights;
    this.version = version;
  }

  /** Whether all shards are at the version. */
  boolean reached() {
    return oldest() == version;
  }

  /** The lowest version of any shard, -1 before the initial weights. */
  long oldest() {
    return weights.shards().stream()
        .mapToLong(shard -> weights.version(shard.index()))
        .min()
        .orElse(version);
  }

  /**
   * Takes in the partition's next update.
   *
   * @throws MalformedRecordException when the record is no update of this partition, which the
   *     server would have refused
   */
  void take(byte[] record) throws MalformedRecordException {
    final ValuesRecord<UpdateShard> update = ValuesRecord.read(record, UpdateShard.parser());
    final Shard shard = weights.check(update);
    final long round = update.header().getRound();
    if (update.header().getInitial()) {
      if (weights.version(shard.index()) < 0) {
        weights.initialize(update);
      }
    } else if (round >= weights.version(shard.index()) && round < version) {
      ahead.putIfAbsent(new ShardRound(round, shard.index()), update);
      step(weights.together(shard));
    }
  }

  private void step(List<Shard> together) throws MalformedRecordException {
    while (true) {
      final long round = weights.version(together.getFirst().index());
      if (!together.stream()
          .allMatch(each -> ahead.containsKey(new ShardRound(round, each.index())))) {
        return;
      }
      final var updates = new ArrayList<ValuesRecord<UpdateShard>>();
      for (final Shard each : together) {
        final ValuesRecord<UpdateShard> update = ahead.remove(new ShardRound(round, each.index()));
        if (update != null) {
          updates.add(update);
        }
      }
      weights.apply(together, updates);
    }
  }
}
