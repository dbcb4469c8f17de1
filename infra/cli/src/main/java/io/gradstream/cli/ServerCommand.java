package io.gradstream.cli;

import io.gradstream.proto.run.Run;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code gradstream server}. */
@Command(
    name = "server",
    description = "Runs a parameter server: applies updates, publishes weights and issues orders.",
    mixinStandardHelpOptions = true)
final class ServerCommand extends RoleCommand {
  @Mixin private InstanceOptions instance;

  @Override
  String role() {
    return "server";
  }

  @Override
  void start(Run run, RunDirectory directory, Services services) {
    services.startServer(instance.take(role(), directory.states()), instance.leaves());
  }
}
