package io.gradstream.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Links that can be taken down: each process of a campaign gets a network namespace of its own,
 * which reaches the brokers over a virtual cable. Needs Linux, its {@code ip} command and root.
 *
 * <p>The brokers stay in this process's own namespace and listen at {@link #address()}, too. One
 * thread.
 */
final class Network implements AutoCloseable {
  /**
   * Names of namespaces and cables carry the process's number, so that campaigns do not collide.
   */
  private final String prefix = "gs" + ProcessHandle.current().pid() % 100_000;

  private final int block = 64 + (int) (ProcessHandle.current().pid() % 128);
  private final Deque<List<String>> undo = new ArrayDeque<>();
  private int links;

  private Network() {}

  /** The network, where this machine allows one. */
  static Optional<Network> create() {
    final var network = new Network();
    try {
      network.run("ip", "addr", "add", network.address() + "/32", "dev", "lo");
      network.undo.push(List.of("ip", "addr", "del", network.address() + "/32", "dev", "lo"));
      network.link().close();
      return Optional.of(network);
    } catch (UncheckedIOException e) {
      network.close();
      return Optional.empty();
    }
  }

  /** Where the brokers are reached from every namespace. */
  String address() {
    return "10." + block + ".0.1";
  }

  /**
   * A namespace with its cable; closing it removes both.
   *
   * @throws UncheckedIOException if the machine refuses
   */
  Link link() {
    links++;
    return new Link(prefix + "-" + links, links);
  }

  /** One namespace and its cable. */
  final class Link implements AutoCloseable {
    private final String name;
    private final String outside;

    private Link(String name, int number) {
      this.name = name;
      this.outside = name + "o";
      final String inside = name + "i";
      final String network = "10." + block + "." + number + ".";
      run("ip", "netns", "add", name);
      try {
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside);
        run("ip", "link", "set", inside, "netns", name);
        run("ip", "addr", "add", network + "1/24", "dev", outside);
        run("ip", "link", "set", outside, "up");
        run("ip", "-n", name, "link", "set", "lo", "up");
        run("ip", "-n", name, "addr", "add", network + "2/24", "dev", inside);
        run("ip", "-n", name, "link", "set", inside, "up");
        run("ip", "-n", name, "route", "add", "default", "via", network + "1");
      } catch (UncheckedIOException e) {
        close();
        throw e;
      }
    }

    /** What has to stand before a command that shall run in the namespace. */
    List<String> prefix() {
      return List.of("ip", "netns", "exec", name);
    }

    /** Cuts the cable: packets of both directions are lost, and connections stay open. */
    void down() {
      run("ip", "link", "set", outside, "down");
    }

    /** Mends it. */
    void up() {
      run("ip", "link", "set", outside, "up");
    }

    @Override
    public void close() {
      tryTo(List.of("ip", "netns", "del", name));
      tryTo(List.of("ip", "link", "del", outside));
    }
  }

  private void run(String... command) {
    try {
      final Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      final String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new IOException(String.join(" ", command) + ": " + said);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while setting up a network", e);
    }
  }

  private void tryTo(List<String> command) {
    try {
      run(command.toArray(String[]::new));
    } catch (UncheckedIOException e) {
      // It is gone already, which is what was wanted.
    }
  }

  @Override
  public void close() {
    undo.forEach(this::tryTo);
    undo.clear();
  }
}
