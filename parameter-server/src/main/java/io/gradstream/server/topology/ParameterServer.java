package io.gradstream.server.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.run.OffHeap;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.streams.InPlaceStore;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.proto.topic.Topics;
import io.gradstream.server.weights.PartitionWeights;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.jspecify.annotations.Nullable;

/**
 * The parameter server of a run.
 *
 * <pre>
 * updates ──────────▶ PartitionServer ──▶ weights
 * verdicts, metrics ─▶  (partition 0) ──▶ orders.&lt;task&gt;
 * </pre>
 */
public final class ParameterServer {
  private ParameterServer() {}

  /**
   * Starts an instance; it runs until closed.
   *
   * @param instance unique among the run's parameter servers, and the same after a restart
   * @param stateDir where Kafka Streams keeps its bookkeeping
   * @throws io.gradstream.proto.UserError if this JVM may not take the memory its vectors need
   */
  public static StreamsService start(Run run, String instance, Path stateDir) {
    return start(run, instance, stateDir, null);
  }

  /**
   * The same with a key, where the run lists those of its servers.
   *
   * @param signer whose key signs the seals of weights; null where nobody has to
   */
  public static StreamsService start(
      Run run, String instance, Path stateDir, @Nullable Signer signer) {
    Signer.requireFor(run.spec(), Role.SERVER, signer);
    OffHeap.announce(
        "the parameter server",
        PartitionWeights.vectorBytes(run.spec(), run.manifest()),
        run.manifest().partitions());
    return StreamsService.start(
        run, run.topics().serverApplication(), instance, stateDir, topology(run, signer));
  }

  /** The same processor for each partition; the one of partition 0 gives the orders. */
  public static Topology topology(Run run) {
    return topology(run, null);
  }

  private static Topology topology(Run run, @Nullable Signer signer) {
    return topology(run, signer, () -> log(run));
  }

  /**
   * @param signer whose key signs the seals of weights; null where nobody has to
   * @param logs opens the reader with which a partition reads the log beside its subscription
   */
  static Topology topology(Run run, @Nullable Signer signer, Supplier<LogReader> logs) {
    final Topics topics = run.topics();
    final Kernels kernels = Kernels.best();
    final var topology = new Topology();
    topology
        .addSource("records", topics.updates(), topics.verdicts(), topics.metrics())
        .addProcessor(
            "partition", () -> new PartitionServer(run, signer, kernels, logs.get()), "records")
        .addStateStore(InPlaceStore.builder(PartitionServer.STORE), "partition")
        .addSink(ServerSinks.WEIGHTS, topics.weights(), byShard(run.manifest()), "partition")
        .addSink(ServerSinks.SEALS, topics.weights(), byPartition(), "partition")
        .addSink(ServerSinks.DEAD_LETTERS, topics.deadLetters(), "partition");
    for (int task = 0; task < run.orderedTasks(); task++) {
      topology.addSink(
          ServerSinks.orders(task), topics.orders(task), bySlotAndAttempt(), "partition");
    }
    return topology;
  }

  private static LogReader log(Run run) {
    return new LogReader(run.connection(), run.topics().serverApplication());
  }

  /**
   * Orders are spread by their slots. One that is given again goes to another partition: that of
   * the first may be held by a worker that hangs.
   */
  @SuppressWarnings("removal") // the only method that must be given; the newer one calls it
  private static StreamPartitioner<byte[], byte[]> bySlotAndAttempt() {
    return (topic, key, value, partitions) ->
        Optional.of(Set.of(Math.floorMod(ordersPartitionOf(value), partitions)));
  }

  private static int ordersPartitionOf(byte[] order) {
    try {
      final Order parsed = Order.parseFrom(order);
      return parsed.getSlot() + parsed.getAttempt();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the server's own order cannot be read", e);
    }
  }

  /** A seal travels with the shards that it seals. */
  @SuppressWarnings("removal") // as above
  private static StreamPartitioner<byte[], byte[]> byPartition() {
    return (topic, key, value, partitions) -> Optional.of(Set.of(partitionOf(value)));
  }

  private static int partitionOf(byte[] seal) {
    try {
      return WeightSeal.parseFrom(seal).getPartition();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the server's own seal cannot be read", e);
    }
  }

  @SuppressWarnings("removal") // as above
  private static StreamPartitioner<byte[], byte[]> byShard(Manifest manifest) {
    return (topic, key, value, partitions) ->
        Optional.of(Set.of(manifest.shard(ByteBuffer.wrap(key).getInt()).partition()));
  }
}
