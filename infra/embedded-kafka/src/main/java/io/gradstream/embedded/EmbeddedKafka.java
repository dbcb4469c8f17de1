package io.gradstream.embedded;

import io.gradstream.proto.UserError;
import io.gradstream.proto.topic.MonotonicTime;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.utils.internals.Exit;
import org.apache.kafka.metadata.storage.Formatter;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Kafka node (broker and KRaft controller) in this JVM, reachable on the loopback address and, if
 * wanted, on another; alone, or one of several.
 *
 * <p>Its data live in a directory that survives: it is formatted once and found again by every
 * later start, with the same ports if they are still free. A directory belongs to one running
 * broker; a second one is refused. {@link #close()} ends the node cleanly; after a killed process
 * the next start recovers the log as any Kafka broker does.
 *
 * <p>The settings are those of a small cluster: internal topics with one partition, replicated
 * where there are other nodes; groups that form without delay, share groups whose members join
 * within a heartbeat. Its clock never goes back: one that did would not reach its own controller
 * until the clock has caught up.
 *
 * <p>Thread-safe.
 */
public final class EmbeddedKafka implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EmbeddedKafka.class);

  static final String HOST = "127.0.0.1";

  /** How often free ports are chosen anew when somebody takes them before the node does. */
  private static final int BIND_ATTEMPTS = 5;

  /** One partition for each internal topic is enough for the few groups of a run. */
  private static final Map<String, String> SMALL_CLUSTER =
      Map.ofEntries(
          Map.entry("offsets.topic.num.partitions", "1"),
          Map.entry("transaction.state.log.num.partitions", "1"),
          Map.entry("share.coordinator.state.topic.num.partitions", "1"),
          // The controller takes a killed broker for alive until its session ends, and the broker's
          // next start waits for that.
          Map.entry("broker.session.timeout.ms", "4000"),
          Map.entry("broker.heartbeat.interval.ms", "500"),
          // A mistyped topic is an error, not a new topic with default settings.
          Map.entry("auto.create.topics.enable", "false"),
          // The node's clock does not follow the machine's, and Kafka's own coordinators go by the
          // machine's: records of the future are nothing to refuse.
          Map.entry("log.message.timestamp.after.max.ms", Long.toString(Long.MAX_VALUE)),
          // What a compressed record may unpack to in the broker itself.
          Map.entry("max.decompressed.message.bytes", "16777216"),
          Map.entry("num.network.threads", "2"),
          Map.entry("num.io.threads", "4"),
          Map.entry("log.cleaner.threads", "1"),
          Map.entry("log.cleaner.dedupe.buffer.size", "16777216"));

  private static final List<String> REPLICAS =
      List.of(
          "offsets.topic.replication.factor",
          "transaction.state.log.replication.factor",
          "share.coordinator.state.topic.replication.factor",
          "default.replication.factor");

  private static final List<String> IN_SYNC_REPLICAS =
      List.of(
          "transaction.state.log.min.isr",
          "share.coordinator.state.topic.min.isr",
          "min.insync.replicas");

  /**
   * Groups form at once, and an order is offered again as often as Kafka permits.
   *
   * <p>The bounds are as wide as Kafka has them, so that a run may choose its own lock duration.
   */
  private static final Map<String, String> QUICK_GROUPS =
      Map.ofEntries(
          Map.entry("group.initial.rebalance.delay.ms", "0"),
          Map.entry("group.share.heartbeat.interval.ms", "300"),
          Map.entry("group.share.min.heartbeat.interval.ms", "300"),
          // A killed worker keeps its share of the tasks, which nobody else serves, until its
          // session ends; so does that of a process that was killed together with this node.
          Map.entry("group.share.session.timeout.ms", "6000"),
          Map.entry("group.share.min.session.timeout.ms", "5000"),
          Map.entry("group.share.assignment.interval.ms", "0"),
          Map.entry("group.share.min.assignment.interval.ms", "0"),
          // Every worker thread is a member; Kafka allows no more than this.
          Map.entry("group.share.max.size", "1000"),
          Map.entry("group.share.delivery.count.limit", "10"),
          Map.entry("group.share.max.delivery.count.limit", "25"),
          Map.entry("group.share.min.record.lock.duration.ms", "1000"),
          Map.entry("group.share.max.record.lock.duration.ms", "3600000"));

  private final DataDirectory directory;
  private final KafkaRaftServer server;
  private final Ports ports;
  private boolean closed;

  private EmbeddedKafka(DataDirectory directory, KafkaRaftServer server, Ports ports) {
    this.directory = directory;
    this.server = server;
    this.ports = ports;
  }

  /**
   * Starts a node and returns when it serves clients.
   *
   * @param dataDirectory where the log lives; created if missing
   * @param port what clients connect to; 0 means the port of the last start, or any free one
   * @throws UserError if the directory cannot be used, another broker uses it or a newer Kafka
   *     wrote it, or the port is taken
   */
  public static EmbeddedKafka start(Path dataDirectory, int port) {
    return start(dataDirectory, port, ClusterNode.alone());
  }

  /**
   * Starts one node of a cluster and returns when it serves clients, which takes a majority of
   * them.
   *
   * @throws UserError as {@link #start(Path, int)}, and if the node's controller port is taken
   */
  public static EmbeddedKafka start(Path dataDirectory, int port, ClusterNode node) {
    return start(dataDirectory, port, node, null);
  }

  /**
   * Starts one node of a cluster that listens at a second address, too.
   *
   * @param outside what clients that do not reach the loopback address connect to; they are told
   *     this address, others the loopback address
   * @throws UserError as {@link #start(Path, int, ClusterNode)}, and if nobody can listen at that
   *     address
   */
  public static EmbeddedKafka start(
      Path dataDirectory, int port, ClusterNode node, @Nullable InetSocketAddress outside) {
    final DataDirectory directory = DataDirectory.open(dataDirectory.toAbsolutePath().normalize());
    try {
      final EmbeddedKafka kafka = start(directory, port, node, outside);
      log.info(
          "the Kafka broker in this process is ready at {} and keeps its data in {}",
          kafka.bootstrapServers(),
          dataDirectory);
      return kafka;
    } catch (IOException | RuntimeException e) {
      try {
        directory.close();
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      if (e instanceof RuntimeException runtime) {
        throw runtime;
      }
      throw new UncheckedIOException((IOException) e);
    }
  }

  /**
   * The address of the broker that some process runs in a directory; empty if none does.
   *
   * @throws UserError if the directory cannot be read
   */
  public static Optional<String> findRunning(Path dataDirectory) {
    return DataDirectory.portsOfHolder(dataDirectory).map(EmbeddedKafka::address);
  }

  /**
   * Sets what is done before Kafka ends this process. Kafka does so when a node meets a fault that
   * it cannot go on from, at its start or later, without an exception and without shutdown hooks.
   * It holds for all nodes of the process from now on.
   *
   * @param action called on the thread that met the fault, right after Kafka logged it
   */
  public static void onFatalFault(Runnable action) {
    final Exit.Procedure end =
        (status, message) -> {
          try {
            action.run();
          } finally {
            Runtime.getRuntime().halt(status);
          }
        };
    Exit.setHaltProcedure(end);
    // An orderly exit would wait for commands that wait for the node, and so for the thread that
    // asks for it.
    Exit.setExitProcedure(end);
  }

  /** The address for clients' {@code bootstrap.servers}. */
  public String bootstrapServers() {
    return address(ports);
  }

  private static String address(Ports ports) {
    return HOST + ":" + ports.broker();
  }

  /** Ends the node and releases its directory. A second call does nothing. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      server.shutdown();
      server.awaitShutdown();
    } finally {
      try {
        directory.close();
      } catch (IOException e) {
        log.warn("the Kafka broker in this process could not release its data directory", e);
      }
    }
  }

  private static EmbeddedKafka start(
      DataDirectory directory, int port, ClusterNode node, @Nullable InetSocketAddress outside)
      throws IOException {
    directory.refuseIfNewer();
    format(directory.log(), node);
    refuseIfTaken(port);
    refuseIfTaken(node.controllerPort());
    if (outside != null) {
      refuseIfUnusable(outside);
    }
    Ports wanted = directory.readPorts();
    if (port != 0) {
      wanted = new Ports(port, wanted.controller());
    }
    if (node.controllerPort() != 0) {
      wanted = new Ports(wanted.broker(), node.controllerPort());
    }
    for (int attempt = 1; ; attempt++) {
      final Ports ports = wanted.orFree();
      final var server =
          new KafkaRaftServer(
              new KafkaConfig(settings(directory.log(), ports, node, outside), false),
              MonotonicTime.ofSystem());
      try {
        server.startup();
        directory.writePorts(ports);
        return new EmbeddedKafka(directory, server, ports);
      } catch (RuntimeException e) {
        server.shutdown();
        server.awaitShutdown();
        // Somebody may have taken a port between the choice and the start; anything else is not
        // cured by another port.
        if (attempt == BIND_ATTEMPTS
            || (Ports.isFree(ports.broker()) && Ports.isFree(ports.controller()))) {
          throw e;
        }
        log.info(
            "the Kafka broker in this process chooses other ports, since {} were taken meanwhile",
            ports);
      }
    }
  }

  private static void refuseIfTaken(int port) {
    if (port != 0 && !Ports.isFree(port)) {
      throw new UserError(
          "port " + port + " is taken; stop what listens there or choose another port");
    }
  }

  private static void refuseIfUnusable(InetSocketAddress outside) {
    final var resolved = new InetSocketAddress(outside.getHostString(), outside.getPort());
    try (var socket = new ServerSocket()) {
      socket.bind(resolved);
    } catch (IOException | RuntimeException e) {
      throw new UserError(
          "nobody can listen at %s:%d; give an address of this machine and a free port"
              .formatted(outside.getHostString(), outside.getPort()),
          e);
    }
  }

  /** Formats the log directory unless it is; the file that says so is written last. */
  private static void format(Path logDirectory, ClusterNode node) throws IOException {
    if (Files.exists(logDirectory.resolve("meta.properties"))) {
      return;
    }
    Files.createDirectories(logDirectory);
    try {
      new Formatter()
          .setPrintStream(new PrintStream(OutputStream.nullOutputStream(), false))
          .setClusterId(node.clusterId())
          .setNodeId(node.id())
          .setControllerListenerName("CONTROLLER")
          .setMetadataLogDirectory(logDirectory.toString())
          .addDirectory(logDirectory.toString())
          .run();
    } catch (Exception e) {
      throw new IOException("cannot format the Kafka log directory " + logDirectory, e);
    }
  }

  private static Map<String, String> settings(
      Path logDirectory, Ports ports, ClusterNode node, @Nullable InetSocketAddress outside) {
    final String clients =
        "PLAINTEXT://%s:%d".formatted(HOST, ports.broker())
            + (outside == null
                ? ""
                : ",OUTSIDE://%s:%d".formatted(outside.getHostString(), outside.getPort()));
    final String controller = HOST + ":" + ports.controller();
    final var settings = new HashMap<String, String>();
    settings.put("node.id", Integer.toString(node.id()));
    settings.put("process.roles", "broker,controller");
    settings.put("listeners", clients + ",CONTROLLER://" + controller);
    settings.put("advertised.listeners", clients);
    settings.put(
        "listener.security.protocol.map",
        "PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT");
    settings.put("inter.broker.listener.name", "PLAINTEXT");
    settings.put("controller.listener.names", "CONTROLLER");
    settings.put("controller.quorum.voters", node.voters(ports.controller()));
    settings.put("log.dirs", logDirectory.toString());
    // A single node has no other one to hand its leadership to, and trying takes a minute while
    // clients are connected.
    settings.put("controlled.shutdown.enable", Boolean.toString(!node.isAlone()));
    REPLICAS.forEach(name -> settings.put(name, Integer.toString(node.replicas())));
    IN_SYNC_REPLICAS.forEach(name -> settings.put(name, Integer.toString(node.inSyncReplicas())));
    settings.putAll(SMALL_CLUSTER);
    settings.putAll(QUICK_GROUPS);
    return settings;
  }
}
