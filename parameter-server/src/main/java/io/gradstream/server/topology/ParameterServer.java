package io.gradstream.server.topology;

import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.run.OffHeap;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.streams.InPlaceStore;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.TopicKind.Writer;
import io.gradstream.proto.topic.Topics;
import io.gradstream.server.weights.PartitionWeights;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.apache.kafka.streams.Topology;
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
            PartitionServer.NAME,
            () -> new PartitionServer(run, signer, kernels, logs.get()),
            "records")
        .addStateStore(InPlaceStore.builder(PartitionServer.STORE), PartitionServer.NAME);
    TopicSinks.add(topology, run.description(), Writer.SERVER, PartitionServer.NAME);
    return topology;
  }

  private static LogReader log(Run run) {
    return new LogReader(run.connection(), run.topics().serverApplication());
  }
}
