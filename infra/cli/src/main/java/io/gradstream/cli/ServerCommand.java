package io.gradstream.cli;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code gradstream server}. */
@Command(
    name = "server",
    description = "Runs a parameter server: applies updates, publishes weights and issues orders.",
    mixinStandardHelpOptions = true)
final class ServerCommand extends RoleCommand {
  @Mixin private InstanceOptions instance;

  @Mixin private KeyOptions key;

  @Override
  String role() {
    return "server";
  }

  @Override
  void start(Run run, RunDirectory directory, Services services) {
    final var signers = key.signers(run.spec(), Role.SERVER);
    services.startServer(
        instance.take(role(), directory.states()), instance.leaves(), signers.get(Role.SERVER));
  }
}
