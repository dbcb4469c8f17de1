package io.gradstream.embedded;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.Uuid;

/**
 * One of the nodes of a cluster on this machine.
 *
 * <p>Each node is broker and controller. All are given the same controller ports, from which the
 * cluster's id follows, so that nodes need nothing else to find each other.
 *
 * @param id from 1 to the number of nodes
 * @param controllerPorts one for each node, in order of their ids; empty for a node that is alone
 *     and takes any free port
 */
public record ClusterNode(int id, List<Integer> controllerPorts) {
  private static final int MAX_REPLICAS = 3;
  private static final int PORTS = 65536;

  public ClusterNode {
    controllerPorts = List.copyOf(controllerPorts);
    if (!controllerPorts.isEmpty() && (id < 1 || id > controllerPorts.size())) {
      throw new IllegalArgumentException(
          "node %d, but there are %d controllers; give 1 to %d"
              .formatted(id, controllerPorts.size(), controllerPorts.size()));
    }
    if (controllerPorts.stream().anyMatch(port -> port < 1 || port >= PORTS)
        || controllerPorts.stream().distinct().count() < controllerPorts.size()) {
      throw new IllegalArgumentException(
          "controllers at ports %s; each needs a port of its own, 1 to 65535"
              .formatted(controllerPorts));
    }
  }

  /** A cluster of one node. */
  public static ClusterNode alone() {
    return new ClusterNode(1, List.of());
  }

  boolean isAlone() {
    return controllerPorts.size() < 2;
  }

  /** The port of this node's controller, 0 for any. */
  int controllerPort() {
    return controllerPorts.isEmpty() ? 0 : controllerPorts.get(id - 1);
  }

  /** The cluster's id: a node that is alone makes up its own. */
  String clusterId() {
    if (controllerPorts.isEmpty()) {
      return Uuid.randomUuid().toString();
    }
    final var name = UUID.nameUUIDFromBytes(voters(0).getBytes(StandardCharsets.UTF_8));
    return new Uuid(name.getMostSignificantBits(), name.getLeastSignificantBits()).toString();
  }

  /**
   * Kafka's {@code controller.quorum.voters}.
   *
   * @param ownPort the port of a node that is alone
   */
  String voters(int ownPort) {
    return controllerPorts.isEmpty()
        ? voter(id, ownPort)
        : IntStream.rangeClosed(1, controllerPorts.size())
            .mapToObj(node -> voter(node, controllerPorts.get(node - 1)))
            .collect(Collectors.joining(","));
  }

  private static String voter(int node, int port) {
    return node + "@" + EmbeddedKafka.HOST + ":" + port;
  }

  /** Replicas of the internal topics. */
  int replicas() {
    return Math.clamp(controllerPorts.size(), 1, MAX_REPLICAS);
  }

  /** Replicas that must have a record before it is acknowledged: all but one that may be down. */
  int inSyncReplicas() {
    return Math.max(1, replicas() - 1);
  }
}
