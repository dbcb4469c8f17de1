package io.gradstream.cli;

import io.gradstream.producer.model.Models;
import io.gradstream.proto.run.Run;
import picocli.CommandLine.Command;

/** {@code gradstream evaluator}. */
@Command(
    name = "evaluator",
    description = "Runs an evaluator: publishes losses on held-out data every so many rounds.",
    mixinStandardHelpOptions = true)
final class EvaluatorCommand extends RoleCommand {
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
    services.startEvaluator(Models.prepare(run.spec()));
  }
}
