package io.gradstream.cli;

import io.gradstream.proto.run.Run;
import io.gradstream.submission.Submission;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code gradstream submit}. */
@Command(
    name = "submit",
    description = {
      "Checks a run spec, creates the run's topics and publishes its initial weights.",
      "The same spec again changes nothing."
    },
    mixinStandardHelpOptions = true)
final class SubmitCommand implements Callable<Integer> {
  @Mixin private SpecOptions options;

  @Mixin private ConnectionOptions cluster;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final var outcome = Submission.submit(options.check(), cluster.require());
    final Run run = outcome.run();
    final var out = spec.commandLine().getOut();
    out.printf(
        "run %s %s: %,d parameters in %d shards on %d partitions%n",
        run.spec().run(),
        outcome.isNew() ? "submitted" : "is there already",
        run.manifest().parameters(),
        run.manifest().shards().size(),
        run.manifest().partitions());
    out.flush();
    return 0;
  }
}
