package io.gradstream.cli;

import io.gradstream.proto.UserError;
import io.gradstream.submission.ClusterAdmin;
import io.gradstream.submission.RunResources;
import java.io.Console;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream delete}. */
@Command(
    name = "delete",
    description = {
      "Deletes a run from its cluster, after asking.",
      "This removes the run's topics, the state of its services and its consumer "
          + "groups. To keep the run in files, use gradstream archive first."
    },
    mixinStandardHelpOptions = true)
final class DeleteCommand implements Callable<Integer> {
  private static final int REFUSED = 1;

  @Mixin private ClusterOptions options;

  @Option(names = "--yes", description = "Do not ask.")
  private boolean yes;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final var out = spec.commandLine().getOut();
    try (var reached = options.reach();
        var admin = ClusterAdmin.open(reached.connection())) {
      final var resources = RunResources.of(reached.connection(), admin, options.name());
      final String where = reached.connection().bootstrap();
      if (resources.topics().isEmpty()) {
        throw new UserError("no run %s at %s".formatted(options.name(), where));
      }
      final String what =
          "run %s at %s: %d topics".formatted(options.name(), where, resources.topics().size());
      if (!yes && !confirms(what)) {
        out.println("nothing was deleted");
        out.flush();
        return REFUSED;
      }
      resources.delete();
      out.println("deleted " + what);
      out.flush();
      return 0;
    }
  }

  @SuppressWarnings("SystemConsoleNull") // NullAway holds that it may be
  private static boolean confirms(String what) {
    final Console console = System.console();
    if (console == null || !console.isTerminal()) {
      throw new UserError("delete asks before it deletes, and nobody can answer here; give --yes");
    }
    final String answer = console.readLine("delete %s, for ever? [y/N] ", what);
    return answer != null && answer.strip().toLowerCase(Locale.ROOT).startsWith("y");
  }
}
