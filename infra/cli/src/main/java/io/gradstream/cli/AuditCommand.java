package io.gradstream.cli;

import io.gradstream.audit.check.Audit;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.log.KafkaRunLog;
import io.gradstream.audit.log.RunLog;
import io.gradstream.proto.UserError;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream audit}. */
@Command(
    name = "audit",
    description = "Computes a run once more from its log and compares everything, bit by bit.",
    footer = {"", "Ends with 0 if the log is clean, with 1 if something is wrong."},
    mixinStandardHelpOptions = true)
final class AuditCommand implements Callable<Integer> {
  private static final Pattern ROUNDS = Pattern.compile("(\\d{1,18})\\.\\.(\\d{1,18})");

  @Mixin private RunOptions options;

  @Option(
      names = "--rounds",
      paramLabel = "A..B",
      description = "Compare these rounds only; those before are computed all the same.")
  private @Nullable String rounds;

  @Option(names = "--json", description = "Print the result as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final long[] range = range(rounds);
    try (var found = options.open();
        RunLog log = new KafkaRunLog(found.run());
        Audit audit = new Audit(log, range[0], range[1])) {
      final long start = System.nanoTime();
      final AuditReport report = audit.run(round -> {});
      final var out = spec.commandLine().getOut();
      out.println(report);
      out.println((System.nanoTime() - start) / 1e9);
      out.flush();
      return report.clean() ? 0 : 1;
    }
  }

  /** First and last round. */
  static long[] range(@Nullable String rounds) {
    if (rounds == null) {
      return new long[] {0, Long.MAX_VALUE};
    }
    final Matcher matcher = ROUNDS.matcher(rounds);
    if (!matcher.matches() || Long.parseLong(matcher.group(1)) > Long.parseLong(matcher.group(2))) {
      throw new UserError("--rounds: \"" + rounds + "\" is no range of rounds; such as 0..99");
    }
    return new long[] {Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2))};
  }
}
