package io.gradstream.audit.restore;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.server.weights.PartitionWeights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes the optimizer steps of one partition once more, from its recorded updates.
 *
 * <p>As the parameter server does it: a shard's updates come in order of rounds, each perhaps more
 * than once, and a step is taken when all shards that it needs at once have theirs. One thread.
 */
final class RecordedSteps {
  private record ShardRound(long round, int shard) {}

  private final RunDescription run;
  private final VerdictChain verdicts;
  private final PartitionWeights weights;
  private final long version;
  private final Map<ShardRound, ValuesRecord<UpdateShard>> ahead = new HashMap<>();

  /**
   * @param verdicts from one of which each update must follow
   * @param weights changed in place
   * @param version where to stop
   */
  RecordedSteps(RunDescription run, VerdictChain verdicts, PartitionWeights weights, long version) {
    this.run = run;
    this.verdicts = verdicts;
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
   * @throws MalformedRecordException when the record is no update of this partition, or does not
   *     follow from a verdict
   */
  void take(byte @Nullable [] record) throws MalformedRecordException {
    final ValuesRecord<UpdateShard> update = ValuesRecord.read(record, UpdateShard.parser());
    final Shard shard = weights.check(update);
    final long round = update.header().getRound();
    requireFounded(update);
    if (update.header().getInitial()) {
      if (weights.version(shard.index()) < 0) {
        weights.initialize(update);
      }
    } else if (round >= weights.version(shard.index()) && round < version) {
      ahead.putIfAbsent(new ShardRound(round, shard.index()), update);
      step(weights.shardsOfStep(shard));
    }
  }

  /** Digest by digest from the run's record, or from a verdict. */
  private void requireFounded(ValuesRecord<UpdateShard> update) throws MalformedRecordException {
    final UpdateShard header = update.header();
    final ByteString from =
        header.getInitial()
            ? run.digest()
            : verdicts.digest(header.getRound()).orElse(ByteString.EMPTY);
    if (from.isEmpty() || !header.getVerdict().equals(from)) {
      throw new MalformedRecordException(
          "an update of round %d, and no verdict led to it".formatted(header.getRound()));
    }
    if (!Digests.of(header, update.values()).equals(header.getDigest())) {
      throw new MalformedRecordException(
          "an update of round %d whose bytes have another digest than it claims"
              .formatted(header.getRound()));
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
