package io.gradstream.audit.fork;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.resolver.GroupedResolver;
import io.gradstream.arbitrator.round.ForkVerdict;
import io.gradstream.audit.checkpoint.StateDigest;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.run.RunPlugins;
import io.gradstream.proto.run.StoreImage;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SpecChange;
import io.gradstream.proto.topic.Topics;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A new run that goes on from a past version of another one.
 *
 * <p>Its topics begin with the state of both services, the weights of that version for the workers,
 * and the verdict that led to it: on this verdict the parameter server gives the orders of the
 * first round, as on any other.
 */
public final class Fork {
  private final ForkPoint point;
  private final Verdict before;
  private final RunRecord.Origin origin;

  /**
   * Prepares a fork.
   *
   * @param spec of the new run, as {@link #spec} makes it
   */
  public Fork(ForkPoint point, RunSpec spec) {
    this.point = point;
    this.before = ForkVerdict.verdict(point.verdict(), point.run().spec(), spec);
    this.origin =
        RunRecord.Origin.newBuilder()
            .setRun(point.run().spec().run())
            .setVersion(point.verdict().getRound() + 1)
            .setVerdict(Digests.of(point.verdict()))
            .setBegins(Digests.of(before))
            .setState(stateDigest())
            .build();
  }

  /**
   * The spec of a run that is to go on from another one's version.
   *
   * @param name of the new run
   * @param assignments {@code key.path=value}
   * @throws UserError if an assignment is wrong, or changes what the version's state depends on
   */
  public static RunSpec spec(
      RunDescription from, long version, String name, List<String> assignments) {
    RunPlugins.require(from, RunPlugins.ARBITRATOR, RunPlugins.SERVER);
    final var overrides = new ArrayList<>(assignments);
    overrides.add("run=" + name);
    final RunSpec spec =
        RunSpec.parse(from.spec().text(), "the spec of run " + from.spec().run(), overrides);
    if (name.equals(from.spec().run())) {
      throw new UserError("--as: a fork needs a name of its own, not " + name);
    }
    if (spec.rounds() <= version) {
      throw new UserError(
          "--set: rounds: %d, and version %d has that many behind it; give more"
              .formatted(spec.rounds(), version));
    }
    SpecChange.forbiddenInFork(from.spec(), spec)
        .ifPresent(
            change -> {
              throw new UserError(
                  "--set: %s: a fork takes over momentum, sums and moments that were computed with %s and cannot go on with %s"
                      .formatted(change.key(), change.before(), change.after()));
            });
    final String kind = from.spec().resolver().kind();
    if (GroupedResolver.of(from.spec()).readsExcess() && !kind.equals(spec.resolver().kind())) {
      throw new UserError(
          "--set: resolver: a fork takes over the sums of squares of %s, which no other method keeps on; restore the weights and begin a new run"
              .formatted(kind));
    }
    return spec;
  }

  /** Where the new run comes from, for its record. */
  public RunRecord.Origin origin() {
    return origin;
  }

  /** What the new run's parameter vector must mean. */
  public Manifest manifest() {
    return point.run().manifest();
  }

  private List<StoreImage.Entry> state(int partition) {
    return point.state(partition, before).entries();
  }

  private ByteString stateDigest() {
    final var digest = new StateDigest();
    for (int partition = 0; partition < manifest().partitions(); partition++) {
      state(partition).forEach(digest::add);
    }
    return digest.end();
  }

  /** The records that the new run's topics begin with. */
  public Stream<ProducerRecord<byte[], byte[]>> records(RunDescription run) {
    final Topics topics = run.topics();
    final Stream<ProducerRecord<byte[], byte[]>> partitions =
        IntStream.range(0, manifest().partitions())
            .boxed()
            .flatMap(partition -> records(topics, partition));
    final Stream<ProducerRecord<byte[], byte[]>> weights =
        manifest().shards().stream()
            .map(
                shard ->
                    new ProducerRecord<>(
                        topics.weights(),
                        shard.partition(),
                        Keys.shard(shard.index()),
                        point.weights(shard)));
    final Stream<ProducerRecord<byte[], byte[]>> seals =
        IntStream.range(0, manifest().partitions())
            .filter(partition -> !manifest().shardsOf(partition).isEmpty())
            .mapToObj(
                partition ->
                    new ProducerRecord<>(
                        topics.weights(), partition, Keys.seal(), seal(run, partition)));
    return Stream.concat(partitions, Stream.concat(weights, seals));
  }

  /** As the parameter server seals them again at its start. */
  private byte[] seal(RunDescription run, int partition) {
    return point.seal(partition, run.digest(), Digests.of(before)).toByteArray();
  }

  private Stream<ProducerRecord<byte[], byte[]>> records(Topics topics, int partition) {
    return Stream.concat(
        state(partition).stream()
            .map(
                entry ->
                    new ProducerRecord<>(topics.state(), partition, entry.key(), entry.value())),
        Stream.of(
            new ProducerRecord<>(
                topics.verdicts(),
                partition,
                Keys.round(before.getRound()),
                before.toByteArray())));
  }
}
