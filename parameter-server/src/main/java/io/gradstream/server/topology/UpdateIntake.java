package io.gradstream.server.topology;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.VerdictsAhead;
import io.gradstream.proto.streams.HeldRecords;
import io.gradstream.server.weights.PartitionWeights;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.kafka.common.TopicPartition;

/**
 * Takes in a partition's updates. Each one is applied when its step comes, held until then, or
 * refused.
 *
 * <p>An update names the verdict it follows from and counts only if that is the log's verdict of
 * its round. It may be read before that verdict, which is on the log by then. So one update at most
 * is held for a step, and only for steps of rounds that were decided. One owner, one thread.
 */
final class UpdateIntake {
  /** The optimizer step that an update is for. */
  private record ShardStep(long round, int shard) {
    static final Comparator<ShardStep> ORDER =
        Comparator.comparingLong(ShardStep::round).thenComparingInt(ShardStep::shard);
  }

  private final ByteString runDigest;
  private final long firstVersion;
  private final PartitionWeights weights;
  private final VerdictChain verdicts;
  private final VerdictsAhead ahead;
  private final SealedWeightsPublisher publisher;
  private final TopicPartition topic;
  private final HeldRecords<ShardStep> held;

  /**
   * @param verdicts those that were taken in so far
   * @param ahead those that are on the log
   * @param log reads again the held records that memory had no room for
   */
  UpdateIntake(
      Run run,
      int partition,
      PartitionWeights weights,
      VerdictChain verdicts,
      VerdictsAhead ahead,
      LogReader log,
      SealedWeightsPublisher publisher) {
    this.runDigest = run.description().digest();
    this.firstVersion = run.description().firstRound();
    this.weights = weights;
    this.verdicts = verdicts;
    this.ahead = ahead;
    this.publisher = publisher;
    this.topic = new TopicPartition(run.topics().updates(), partition);
    this.held = new HeldRecords<>(ShardStep.ORDER, log, run.spec().transport().heldMaxBytes());
  }

  void restore(ServerMetadata metadata) {
    for (final var heldRecord : metadata.getHeldList()) {
      final var step = new ShardStep(heldRecord.getRound(), heldRecord.getShard());
      if (!held.contains(step)) {
        held.hold(step, topic, heldRecord.getOffset());
      }
    }
  }

  void save(ServerMetadata.Builder metadata) {
    held.forEach(
        (step, offset) ->
            metadata
                .addHeldBuilder()
                .setRound(step.round())
                .setShard(step.shard())
                .setOffset(offset));
  }

  /**
   * Takes a record of the topic in.
   *
   * @return whether it holds weights to start from
   * @throws MalformedRecordException with the reason why it is no update of the run
   */
  boolean take(long offset, byte[] value) throws MalformedRecordException {
    final ValuesRecord<UpdateShard> update = ValuesRecord.read(value, UpdateShard.parser());
    final UpdateShard header = update.header();
    final Shard shard = weights.check(update);
    final long version = weights.version(shard.index());
    if (header.getInitial()) {
      initialize(update, shard);
    } else if (version < 0) {
      throw new MalformedRecordException("an update before the initial weights");
    } else if (header.getRound() == version - 1) {
      // The arbitrator sent it once more after a restart. The weights that followed from it may
      // have
      // been lost as well.
      if (!header.getDigest().equals(weights.update(shard.index()))) {
        throw new MalformedRecordException("another update of round " + header.getRound());
      }
      publisher.publishAgain(shard);
    } else if (header.getRound() >= version) {
      checkVerdict(header);
      final var step = new ShardStep(header.getRound(), shard.index());
      if (!held.contains(step)) {
        held.hold(step, topic, offset, value);
      }
      apply(shard);
    }
    return header.getInitial();
  }

  private void initialize(ValuesRecord<UpdateShard> update, Shard shard)
      throws MalformedRecordException {
    final UpdateShard header = update.header();
    if (header.getRound() != firstVersion || !header.getVerdict().equals(runDigest)) {
      throw new MalformedRecordException("initial weights of another run");
    }
    final long version = weights.version(shard.index());
    if (version < 0) {
      weights.initialize(update);
      publisher.publish(shard);
      publisher.sealIfWhole();
    } else if (version == header.getRound()) {
      publisher.publishAgain(
          shard); // It is read again after a restart; the weights may have been lost.
    }
  }

  /**
   * @throws MalformedRecordException if the log's verdict of the round is another one, or there is
   *     none
   */
  private void checkVerdict(UpdateShard header) throws MalformedRecordException {
    final long round = header.getRound();
    final ByteString digest = ahead.digest(round).orElse(null);
    if (digest == null) {
      throw new MalformedRecordException(
          "an update of round %d, the last verdict is of round %d"
              .formatted(round, ahead.lastRound()));
    }
    if (!digest.equals(header.getVerdict())) {
      throw new MalformedRecordException(
          "an update that follows from another verdict of round " + round);
    }
  }

  /** Applies the held updates of a round whose verdict has just been taken in. */
  void applyHeld() throws MalformedRecordException {
    for (final Shard shard : weights.shards()) {
      apply(shard);
    }
    verdicts.forgetBefore(weights.version() - 1); // the seal names the one before
    ahead.forgetBefore(weights.version() - 1);
  }

  /** Applies the held updates of a shard, together with those of the shards that step with it. */
  private void apply(Shard shard) throws MalformedRecordException {
    final List<Shard> stepShards = weights.shardsOfStep(shard);
    long version = weights.version(shard.index());
    while (isReady(stepShards, version)) {
      final var updates = new ArrayList<ValuesRecord<UpdateShard>>();
      for (final Shard each : stepShards) {
        final HeldRecords.Taken taken = held.take(new ShardStep(version, each.index()));
        if (taken != null) {
          updates.add(ValuesRecord.read(taken.record(), UpdateShard.parser()));
        }
      }
      weights.apply(stepShards, updates);
      stepShards.forEach(publisher::publish);
      publisher.sealIfWhole();
      version++;
    }
  }

  private boolean isReady(List<Shard> stepShards, long round) {
    final List<ShardStep> steps =
        stepShards.stream().map(shard -> new ShardStep(round, shard.index())).toList();
    return verdicts.digest(round).isPresent()
        && steps.stream().allMatch(held::contains)
        && steps.stream().allMatch(held::isReady);
  }
}
