package io.gradstream.embedded;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;

/**
 * The two ports of a node on the loopback address; 0 means not chosen yet.
 *
 * @param broker what clients connect to
 * @param controller what the node's own broker part connects to
 */
record Ports(int broker, int controller) {
  static final Ports NONE = new Ports(0, 0);

  /** Fills in what is 0 or taken with free ports. */
  Ports orFree() throws IOException {
    final int first = isFree(broker) ? broker : 0;
    final int second = isFree(controller) ? controller : 0;
    // Both sockets are open at once: two free ports that differ.
    try (var a = bind(first);
        var b = bind(second)) {
      return new Ports(a.getLocalPort(), b.getLocalPort());
    }
  }

  static boolean isFree(int port) {
    try (var socket = bind(port)) {
      return socket.isBound();
    } catch (IOException e) {
      return false;
    }
  }

  private static ServerSocket bind(int port) throws IOException {
    final var socket = new ServerSocket();
    try {
      // As Kafka's own acceptor does: a port in TIME_WAIT after a restart is free.
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return socket;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }
}
