package io.gradstream.cli;

import io.gradstream.embedded.ClusterNode;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.UserError;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream broker}. */
@Command(
    name = "broker",
    description = "Runs a Kafka broker on this machine until it is interrupted.",
    mixinStandardHelpOptions = true)
final class BrokerCommand implements Callable<Integer> {
  @Option(
      names = "--data-dir",
      required = true,
      paramLabel = "DIR",
      description = "Where the broker keeps its data; created if missing.")
  private Path dataDirectory;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "What clients connect to; else the port of the last start, or any free one.")
  private int port;

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      description = {
        "Another address of this machine where clients reach the broker, such as that of a network;",
        "without it, only processes of this machine do. Nothing is encrypted there."
      })
  private @Nullable String listen;

  @Option(
      names = "--controllers",
      paramLabel = "PORT,...",
      split = ",",
      description = {
        "Makes this one of several brokers on this machine that replicate their records: the",
        "controller port of each, the same for all of them."
      })
  private List<Integer> controllers = List.of();

  @Option(
      names = "--node",
      paramLabel = "N",
      description = "Which of --controllers is this broker's own; the first is 1.",
      defaultValue = "1")
  private int node;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (port < 0 || port > 65535) {
      throw new UserError("--port: " + port + " is not a port; 0 (any) to 65535");
    }
    try (var stop = new StopSignal();
        var kafka = EmbeddedKafka.start(dataDirectory, port, node(), outside())) {
      final var out = spec.commandLine().getOut();
      out.println("bootstrap.servers=" + kafka.bootstrapServers());
      out.flush();
      stop.await();
    }
    return 0;
  }

  private @Nullable InetSocketAddress outside() {
    if (listen == null) {
      return null;
    }
    final int colon = listen.lastIndexOf(':');
    try {
      final int number = Integer.parseInt(listen.substring(colon + 1));
      if (colon > 0 && number > 0) {
        return InetSocketAddress.createUnresolved(listen.substring(0, colon), number);
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw new UserError("--listen: " + listen + " is not HOST:PORT, such as 192.168.0.5:9092");
  }

  private ClusterNode node() {
    if (controllers.isEmpty() && node != 1) {
      throw new UserError("--node: " + node + " of one; say with --controllers who the others are");
    }
    try {
      return controllers.isEmpty() ? ClusterNode.alone() : new ClusterNode(node, controllers);
    } catch (IllegalArgumentException e) {
      throw new UserError("--controllers, --node: " + e.getMessage(), e);
    }
  }
}
