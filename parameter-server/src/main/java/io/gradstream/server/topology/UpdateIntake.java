package io.gradstream.server.topology;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.streams.HeldRecords;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.server.weights.PartitionWeights;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;

/**
 * Takes in a partition's updates. Each one is applied when its step comes, held until then, or
 * refused.
 *
 * <p>An update names the verdict it follows from and counts only if that is the log's verdict of
 * its round. Updates may be read before their verdict, so several may be held for one step; the
 * verdict tells which of them counts. One owner, one thread.
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
  private final LogReader log;
  private final SealedWeightsPublisher publisher;
  private final TopicSinks sinks;
  private final TopicPartition topic;
  private final TopicPartition verdictsTopic;
  private final HeldRecords<ShardStep> held;
  private long lastLoggedRound;

  /**
   * @param verdicts those that were read so far
   * @param log reads again the held records that memory had no room for
   */
  UpdateIntake(
      Run run,
      int partition,
      PartitionWeights weights,
      VerdictChain verdicts,
      LogReader log,
      SealedWeightsPublisher publisher,
      TopicSinks sinks) {
    this.runDigest = run.description().digest();
    this.firstVersion = run.description().firstRound();
    this.weights = weights;
    this.verdicts = verdicts;
    this.log = log;
    this.publisher = publisher;
    this.sinks = sinks;
    this.topic = new TopicPartition(run.topics().updates(), partition);
    this.verdictsTopic = new TopicPartition(run.topics().verdicts(), partition);
    this.held = new HeldRecords<>(ShardStep.ORDER, log, run.spec().transport().heldMaxBytes());
    this.lastLoggedRound = verdicts.lastRound();
  }

  void restore(ServerMetadata metadata) {
    for (final var heldRecord : metadata.getHeldList()) {
      held.hold(
          new ShardStep(heldRecord.getRound(), heldRecord.getShard()),
          topic,
          heldRecord.getOffset());
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
      if (verdicts.digest(step.round()).isEmpty() || !held.contains(step)) {
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
   *     none yet
   */
  private void checkVerdict(UpdateShard header) throws MalformedRecordException {
    final long round = header.getRound();
    final Optional<ByteString> digest = verdicts.digest(round);
    if (digest.isPresent() && !digest.get().equals(header.getVerdict())) {
      throw new MalformedRecordException(
          "an update that follows from another verdict of round " + round);
    }
    // An update may be read before its verdict, and many may where the log is read again.
    if (round > verdicts.lastRound() + 1 && round > lastLoggedRound) {
      lastLoggedRound = readLastLoggedRound(round);
      if (round > lastLoggedRound) {
        throw new MalformedRecordException(
            "an update of round %d, the last verdict is of round %d"
                .formatted(round, lastLoggedRound));
      }
    }
  }

  /** The round of the last verdict on the log; that of the update where the last record is none. */
  private long readLastLoggedRound(long round) {
    return log.last(verdictsTopic)
        .map(
            record -> {
              try {
                return Verdict.parseFrom(record.bytes()).getRound();
              } catch (InvalidProtocolBufferException e) {
                return round;
              }
            })
        .orElse(-1L);
  }

  /** Applies the held updates of a round whose verdict has just been taken in. */
  void applyHeld(long round) throws MalformedRecordException {
    final ByteString digest = verdicts.digest(round).orElseThrow();
    for (final Shard shard : weights.shards()) {
      keepUpdateOf(digest, new ShardStep(round, shard.index()));
      apply(shard);
    }
    verdicts.forgetBefore(weights.version() - 1); // the seal names the one before
  }

  /** Of the updates that are held for a step, keeps the first that follows from the verdict. */
  private void keepUpdateOf(ByteString digest, ShardStep step) throws MalformedRecordException {
    final var candidates = new ArrayList<HeldRecords.Taken>();
    for (var taken = held.take(step); taken != null; taken = held.take(step)) {
      candidates.add(taken);
    }
    for (final HeldRecords.Taken each : candidates) {
      final UpdateShard header = ValuesRecord.read(each.record(), UpdateShard.parser()).header();
      if (!header.getVerdict().equals(digest)) {
        sinks.refuse(
            topic,
            each.offset(),
            each.record(),
            "an update that follows from another verdict of round " + step.round());
      } else if (!held.contains(step)) {
        held.hold(step, topic, each.offset(), each.record());
      }
    }
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
