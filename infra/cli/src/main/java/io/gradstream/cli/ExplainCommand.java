package io.gradstream.cli;

import io.gradstream.audit.lineage.Lineage;
import io.gradstream.audit.lineage.Lineage.TensorChange;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.cli.evidence.RoundText;
import io.gradstream.proto.UserError;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream explain}. */
@Command(
    name = "explain",
    description = "Tells what happened in a round: who sent what, what was decided, what changed.",
    mixinStandardHelpOptions = true)
final class ExplainCommand implements Callable<Integer> {
  @Mixin private LogOptions options;

  @Option(
      names = "--round",
      required = true,
      paramLabel = "N",
      description = "The round; the first is 0.")
  private long round;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (round < 0) {
      throw new UserError("--round: " + round + " is no round; the first is 0");
    }
    try (var open = options.open()) {
      final var lineage = new Lineage(open.log());
      final LoggedRound told = lineage.round(round, passed -> {});
      final List<TensorChange> changes = lineage.reachesBack() ? lineage.changes(round) : List.of();
      final var text = new RoundText(open.log().run(), told, changes, lineage.passedOver(round));
      final var out = spec.commandLine().getOut();
      out.println(text.text());
      out.flush();
    }
    return 0;
  }
}
