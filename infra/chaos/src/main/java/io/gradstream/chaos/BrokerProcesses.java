package io.gradstream.chaos;

import io.gradstream.submission.Pause;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The brokers of a campaign, each in a process of its own: one that is alone, or several that
 * replicate. One thread.
 */
final class BrokerProcesses implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
  private static final int OUTSIDE_PORT = 19_090;
  private static final String ADDRESS = "bootstrap.servers=";

  private final List<CommandProcess> processes = new ArrayList<>();

  private final Path directory;
  private final List<String> outside = new ArrayList<>();

  /**
   * @param outsideHost an address of this machine at which clients in other network namespaces
   *     reach the brokers; null if there are none
   */
  BrokerProcesses(int count, Path directory, String heap, @Nullable String outsideHost) {
    this.directory = directory;
    final String controllers = count == 1 ? "" : controllerPorts(count);
    for (int node = 1; node <= count; node++) {
      final var arguments = new ArrayList<>(List.of("broker", "--data-dir"));
      arguments.add(directory.resolve("kafka-" + node).toString());
      if (outsideHost != null) {
        outside.add(outsideHost + ":" + (OUTSIDE_PORT + node));
        arguments.addAll(List.of("--listen", outside.getLast()));
      }
      if (count > 1) {
        arguments.addAll(List.of("--controllers", controllers, "--node", Integer.toString(node)));
      }
      final String name = "broker-" + node;
      processes.add(
          new CommandProcess(
              name, heap, directory, Host.of(directory.resolve(name + ".clock"), null), arguments));
    }
  }

  private static String controllerPorts(int count) {
    final var sockets = new ArrayList<ServerSocket>();
    try {
      for (int i = 0; i < count; i++) {
        sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      }
      final String ports =
          sockets.stream()
              .map(socket -> Integer.toString(socket.getLocalPort()))
              .collect(Collectors.joining(","));
      for (final ServerSocket socket : sockets) {
        socket.close();
      }
      return ports;
    } catch (IOException e) {
      throw new UncheckedIOException("no free ports for " + count + " brokers", e);
    }
  }

  /** Starts all brokers, waits for them, and returns their addresses for clients. */
  String start() throws IOException {
    processes.forEach(CommandProcess::start);
    final var addresses = new ArrayList<String>();
    for (final CommandProcess broker : processes) {
      addresses.add(awaitAddress(broker));
    }
    return String.join(",", addresses);
  }

  private static String awaitAddress(CommandProcess broker) throws IOException {
    final long limit = System.nanoTime() + START_TIMEOUT.toNanos();
    while (broker.isAlive() && System.nanoTime() < limit) {
      for (final String line : Files.readAllLines(broker.log())) {
        if (line.startsWith(ADDRESS)) {
          return line.substring(ADDRESS.length());
        }
      }
      Pause.of(Duration.ofMillis(50));
    }
    throw new IllegalStateException("a broker did not start, see " + broker.log());
  }

  /** The addresses for clients in other network namespaces. */
  String outsideAddresses() {
    return String.join(",", outside);
  }

  /** Where a broker keeps its logs. */
  Path logs(CommandProcess broker) {
    return directory.resolve("kafka-" + (processes.indexOf(broker) + 1)).resolve("log");
  }

  int count() {
    return processes.size();
  }

  /**
   * One of them.
   *
   * @param number any number from 0 on
   */
  CommandProcess of(int number) {
    return processes.get(number % processes.size());
  }

  /** Starts brokers again that ended by themselves, and returns how many did. */
  int keepRunning() {
    int restarted = 0;
    for (final CommandProcess broker : processes) {
      if (!broker.isAlive()) {
        broker.start();
        restarted++;
      }
    }
    return restarted;
  }

  @Override
  public void close() {
    processes.forEach(CommandProcess::close);
  }
}
