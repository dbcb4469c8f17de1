package io.gradstream.cli;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code gradstream evaluator}. */
@Command(
    name = "evaluator",
    description = "Runs an evaluator: publishes losses on held-out data every so many rounds.",
    mixinStandardHelpOptions = true)
final class EvaluatorCommand extends RoleCommand {
  @Mixin private KeyOptions key;

  @Mixin private CommandOptions command;

  @Override
  String role() {
    return "evaluator";
  }

  @Override
  boolean isDone(Services services) {
    return services.evaluated();
  }

  @Override
  void start(Run run, RunDirectory directory, Services services) {
    final var signers = key.signers(run.spec(), Role.EVALUATOR);
    services.startEvaluator(command.models(run), signers.get(Role.EVALUATOR));
  }
}
