package io.gradstream.cli;

import io.gradstream.proto.run.Run;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code gradstream arbitrator}. */
@Command(
    name = "arbitrator",
    description = "Runs an arbitrator: accumulates gradients, resolves their conflicts.",
    mixinStandardHelpOptions = true)
final class ArbitratorCommand extends RoleCommand {
  @Mixin private InstanceOptions instance;

  @Override
  String role() {
    return "arbitrator";
  }

  @Override
  void start(Run run, RunDirectory directory, Services services) {
    services.startArbitrator(instance.take(role(), directory.states()), instance.leaves());
  }
}
