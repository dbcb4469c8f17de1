package io.gradstream.cli;

import io.gradstream.audit.check.Audit;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.Recomputation;
import io.gradstream.cli.evidence.AuditText;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.MeasuredRunLog;
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
    footer = {"", "Ends with 0 if the log is clean, with 1 if there is a finding."},
    mixinStandardHelpOptions = true)
final class AuditCommand implements Callable<Integer> {
  private static final int FINDING = 1;

  /** The rounds to compare, both included. */
  record Rounds(long first, long last) {
    private static final Pattern RANGE = Pattern.compile("(\\d{1,18})\\.\\.(\\d{1,18})");

    static Rounds parse(@Nullable String text) {
      if (text == null) {
        return new Rounds(0, Long.MAX_VALUE - 1);
      }
      final Matcher matcher = RANGE.matcher(text);
      if (!matcher.matches()) {
        throw new UserError("--rounds: \"" + text + "\" is no range of rounds; such as 0..99");
      }
      final var rounds =
          new Rounds(Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2)));
      if (rounds.first > rounds.last) {
        throw new UserError("--rounds: \"" + text + "\" ends before it begins");
      }
      return rounds;
    }
  }

  @Mixin private LogOptions options;

  @Option(
      names = "--rounds",
      paramLabel = "A..B",
      description = "Compare these rounds only; those before are computed all the same.")
  private @Nullable String rounds;

  @Option(
      names = "--recompute",
      paramLabel = "SHARE",
      description = "Compute this share of the gradients as well, 0 to 1, from weights and data.")
  private double share;

  @Option(names = "--json", description = "Print the result as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final Rounds range = Rounds.parse(rounds);
    if (!(share >= 0 && share <= 1)) {
      throw new UserError("--recompute: " + share + " is no share; 0 to 1");
    }
    try (var open = options.open()) {
      final var log = new MeasuredRunLog(open.log());
      final AuditText text = share == 0 ? audit(log, range, null) : recompute(log, range);
      final var out = spec.commandLine().getOut();
      out.println(json ? text.json() : text.table());
      out.flush();
      return text.report().clean() ? 0 : FINDING;
    }
  }

  private AuditText recompute(MeasuredRunLog log, Rounds range) {
    try (TaskModel model = Models.create(log.run().spec())) {
      return audit(log, range, new Recomputation(log.run(), share, model));
    }
  }

  private AuditText audit(MeasuredRunLog log, Rounds range, @Nullable Recomputation recomputation) {
    final var display = new Display(spec.commandLine().getErr());
    final long start = System.nanoTime();
    try (var audit = new Audit(log, range.first(), range.last(), recomputation)) {
      final long planned = Math.min(log.run().spec().rounds(), range.last() + 1);
      final AuditReport report =
          audit.run(done -> display.progress("audited round " + done + "/" + planned));
      display.clear();
      return new AuditText(log.run(), report, log.bytes(), (System.nanoTime() - start) / 1e9);
    }
  }
}
