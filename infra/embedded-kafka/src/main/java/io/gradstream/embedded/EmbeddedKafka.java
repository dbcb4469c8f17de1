package io.gradstream.embedded;

import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One Kafka node (broker and KRaft controller) in this JVM, reachable on the loopback address.
 *
 * <p>Its data live in a directory that survives: it is formatted once and found again by every
 * later start, with the same ports if they are still free. A directory belongs to one running
 * broker; a second one is refused. {@link #close()} ends the node cleanly; after a killed process
 * the next start recovers the log as any Kafka broker does.
 *
 * <p>The settings are those of a node that is alone: internal topics with one partition and one
 * replica, groups that form without delay, share groups whose members join within a heartbeat.
 *
 * <p>Thread-safe.
 */
public final class EmbeddedKafka implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EmbeddedKafka.class);

  private static final int NODE_ID = 1;
  private static final String HOST = "127.0.0.1";

  /** How often free ports are chosen anew when somebody takes them before the node does. */
  private static final int BIND_ATTEMPTS = 5;

  /** A node without peers: nothing is replicated, and nobody takes over when it stops. */
  private static final Map<String, String> ALONE =
      Map.ofEntries(
          Map.entry("offsets.topic.num.partitions", "1"),
          Map.entry("offsets.topic.replication.factor", "1"),
          Map.entry("transaction.state.log.num.partitions", "1"),
          Map.entry("transaction.state.log.replication.factor", "1"),
          Map.entry("transaction.state.log.min.isr", "1"),
          Map.entry("share.coordinator.state.topic.num.partitions", "1"),
          Map.entry("share.coordinator.state.topic.replication.factor", "1"),
          Map.entry("share.coordinator.state.topic.min.isr", "1"),
          Map.entry("default.replication.factor", "1"),
          Map.entry("min.insync.replicas", "1"),
          // The controller believes in a killed broker until its session ends; the next start
          // waits.
          Map.entry("broker.session.timeout.ms", "4000"),
          Map.entry("broker.heartbeat.interval.ms", "500"),
          // A mistyped topic is an error, not a new topic with default settings.
          Map.entry("auto.create.topics.enable", "false"),
          // There is nobody to hand leadership to; trying takes a minute while clients are there.
          Map.entry("controlled.shutdown.enable", "false"),
          Map.entry("num.network.threads", "2"),
          Map.entry("num.io.threads", "4"),
          Map.entry("log.cleaner.threads", "1"),
          Map.entry("log.cleaner.dedupe.buffer.size", "16777216"));

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
          Map.entry("group.share.session.timeout.ms", "10000"),
          Map.entry("group.share.min.session.timeout.ms", "5000"),
          Map.entry("group.share.assignment.interval.ms", "0"),
          Map.entry("group.share.min.assignment.interval.ms", "0"),
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
   * @throws UserError if the directory cannot be used or another broker uses it, or the port is
   *     taken
   */
  public static EmbeddedKafka start(Path dataDirectory, int port) {
    final DataDirectory directory = DataDirectory.open(dataDirectory.toAbsolutePath().normalize());
    try {
      final EmbeddedKafka kafka = start(directory, port);
      log.info("Kafka is ready at {}, data in {}", kafka.bootstrapServers(), dataDirectory);
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

  /** The address for clients' {@code bootstrap.servers}. */
  public String bootstrapServers() {
    return address(ports);
  }

  private static String address(Ports ports) {
    return HOST + ":" + ports.broker();
  }

  /** Ends the node and lets the directory go. Does nothing the second time. */
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
        log.warn("could not release the data directory", e);
      }
    }
  }

  private static EmbeddedKafka start(DataDirectory directory, int port) throws IOException {
    format(directory.log());
    if (port != 0 && !Ports.isFree(port)) {
      throw new UserError(
          "port " + port + " is taken; stop what listens there or choose another port");
    }
    Ports wanted = directory.readPorts();
    if (port != 0) {
      wanted = new Ports(port, wanted.controller());
    }
    for (int attempt = 1; ; attempt++) {
      final Ports ports = wanted.orFree();
      final var server =
          new KafkaRaftServer(
              new KafkaConfig(settings(directory.log(), ports), false), Time.SYSTEM);
      try {
        server.startup();
        directory.writePorts(ports);
        return new EmbeddedKafka(directory, server, ports);
      } catch (RuntimeException e) {
        server.shutdown();
        server.awaitShutdown();
        // Somebody may have taken a port between the choice and the start; anything else is not
        // cured
        // by another port.
        if (attempt == BIND_ATTEMPTS
            || (Ports.isFree(ports.broker()) && Ports.isFree(ports.controller()))) {
          throw e;
        }
        log.info("ports {} were taken meanwhile, choosing others", ports);
      }
    }
  }

  /** Formats the log directory unless it is; the file that says so is written last. */
  private static void format(Path logDirectory) throws IOException {
    if (Files.exists(logDirectory.resolve("meta.properties"))) {
      return;
    }
    Files.createDirectories(logDirectory);
    try {
      new Formatter()
          .setPrintStream(new PrintStream(OutputStream.nullOutputStream(), false))
          .setClusterId(Uuid.randomUuid().toString())
          .setNodeId(NODE_ID)
          .setControllerListenerName("CONTROLLER")
          .setMetadataLogDirectory(logDirectory.toString())
          .addDirectory(logDirectory.toString())
          .run();
    } catch (Exception e) {
      throw new IOException("cannot format the Kafka log directory " + logDirectory, e);
    }
  }

  private static Map<String, String> settings(Path logDirectory, Ports ports) {
    final String clients = "PLAINTEXT://" + HOST + ":" + ports.broker();
    final String controller = HOST + ":" + ports.controller();
    final var settings = new HashMap<String, String>();
    settings.put("node.id", Integer.toString(NODE_ID));
    settings.put("process.roles", "broker,controller");
    settings.put("listeners", clients + ",CONTROLLER://" + controller);
    settings.put("advertised.listeners", clients);
    settings.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
    settings.put("controller.listener.names", "CONTROLLER");
    settings.put("controller.quorum.voters", NODE_ID + "@" + controller);
    settings.put("log.dirs", logDirectory.toString());
    settings.putAll(ALONE);
    settings.putAll(QUICK_GROUPS);
    return settings;
  }
}
