package io.gradstream.cli;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code gradstream evaluator}. */
@Command(
    name = "evaluator",
    description = "Runs an evaluator: publishes losses on held-out data every so many rounds.",
    mixinStandardHelpOptions = true)
final class EvaluatorCommand extends RoleCommand {
  @Mixin private KeyOptions key;

  @Mixin private CommandOptions command;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "What to compute on: cpu, or gpu:0 and so on; default: the spec's.")
  private @Nullable String device;

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
    services.startEvaluator(
        device == null ? command.models(run) : command.models(run, device),
        signers.get(Role.EVALUATOR));
  }
}
