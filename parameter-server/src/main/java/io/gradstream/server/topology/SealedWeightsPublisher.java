package io.gradstream.server.topology;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.server.weights.PartitionWeights;
import org.jspecify.annotations.Nullable;

/**
 * Publishes a partition's weights, shard by shard, and behind them the seal of the partition's
 * version. The seal is made once all shards have the same version, and signed where the server has
 * a key. One owner, one thread.
 */
final class SealedWeightsPublisher {
  private final ByteString runDigest;
  private final long firstVersion;
  private final @Nullable Signer signer;
  private final PartitionWeights weights;
  private final VerdictChain verdicts;
  private final TopicSinks sinks;

  /**
   * @param signer whose key signs the seals; null where nobody has to
   * @param verdicts those that were read so far
   */
  SealedWeightsPublisher(
      RunDescription run,
      @Nullable Signer signer,
      PartitionWeights weights,
      VerdictChain verdicts,
      TopicSinks sinks) {
    this.runDigest = run.digest();
    this.firstVersion = run.firstRound();
    this.signer = signer;
    this.weights = weights;
    this.verdicts = verdicts;
    this.sinks = sinks;
  }

  /** Publishes a shard's weights. */
  void publish(Shard shard) {
    sinks.send(TopicKind.WEIGHTS, Keys.shard(shard.index()), weights.record(shard));
  }

  /**
   * Publishes a shard's weights once more, in case that they were lost, and behind the last shard
   * the seal.
   */
  void publishAgain(Shard shard) {
    publish(shard);
    if (shard.equals(weights.shards().getLast())) {
      sealIfWhole();
    }
  }

  /** Publishes the seal of the partition's version if all shards have that version. */
  void sealIfWhole() {
    if (weights.isWhole()) {
      seal();
    }
  }

  /**
   * Publishes the partition's seal once more, in case that it was lost, and before it the weights
   * of a fork's first version.
   */
  void resume() {
    if (!weights.isWhole() || weights.shards().isEmpty()) {
      return;
    }
    if (weights.version() == firstVersion) {
      weights.shards().forEach(this::publish);
    }
    seal();
  }

  private void seal() {
    final long version = weights.version();
    final ByteString verdict =
        verdicts.digest(version - 1).orElse(version == firstVersion ? runDigest : ByteString.EMPTY);
    final WeightSeal seal = weights.seal(runDigest, verdict);
    final WeightSeal signed =
        signer == null
            ? seal
            : seal.toBuilder().setSignature(signer.sign(seal.getDigest())).build();
    sinks.send(TopicKind.WEIGHTS, Keys.seal(), signed);
  }
}
