package io.gradstream.cli;

import com.google.protobuf.ByteString;
import io.gradstream.audit.check.Audit;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.Demands;
import io.gradstream.audit.check.WorkerSpotCheck;
import io.gradstream.cli.evidence.AuditText;
import io.gradstream.producer.model.Provenance;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.MeasuredRunLog;
import java.util.HexFormat;
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

  private static final Pattern RANGE = Pattern.compile("(\\d{1,18})\\.\\.(\\d{1,18})");
  private static final Pattern DIGEST = Pattern.compile("[0-9a-fA-F]{64}");

  @Mixin private LogOptions options;

  @SuppressWarnings("UnusedVariable") // picocli acts on it
  @Mixin
  private ArithmeticOptions arithmetic;

  @Mixin private CommandOptions command;

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

  @Option(
      names = "--expect",
      paramLabel = "DIGEST",
      description =
          "The last verdict must have this digest, as an audit printed it: nothing was cut off since.")
  private @Nullable String expected;

  @Option(names = "--complete", description = "The run must have come to its last round.")
  private boolean complete;

  @Option(
      names = "--findings",
      paramLabel = "N",
      defaultValue = "10",
      description = "Show so many findings, some of each kind and topic; ${DEFAULT-VALUE}.")
  private int shown;

  @Option(names = "--json", description = "Print the result as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final Demands demands = demands();
    if (!(share >= 0 && share <= 1)) {
      throw new UserError("--recompute: " + share + " is no share; 0 to 1");
    }
    if (shown < 0) {
      throw new UserError("--findings: " + shown + " is no number of findings; 0 or more");
    }
    try (var open = options.open()) {
      final var log = new MeasuredRunLog(open.log());
      final AuditText text = share == 0 ? audit(log, demands, null) : recompute(log, demands);
      final var out = spec.commandLine().getOut();
      out.println(json ? text.json() : text.table());
      out.flush();
      return text.report().clean() ? 0 : FINDING;
    }
  }

  private Demands demands() {
    if (expected != null && !DIGEST.matcher(expected).matches()) {
      throw new UserError(
          "--expect: \"%s\" is no digest; 64 hexadecimal digits, as audit prints them"
              .formatted(expected));
    }
    final ByteString digest =
        expected == null
            ? ByteString.EMPTY
            : ByteString.copyFrom(HexFormat.of().parseHex(expected));
    if (rounds == null) {
      return new Demands(0, Demands.all().last(), digest, complete);
    }
    if (expected != null || complete) {
      throw new UserError(
          "--rounds: --expect and --complete are about the end of the log; leave --rounds out");
    }
    final Matcher matcher = RANGE.matcher(rounds);
    if (!matcher.matches()) {
      throw new UserError("--rounds: \"" + rounds + "\" is no range of rounds; such as 0..99");
    }
    final var some =
        Demands.rounds(Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2)));
    if (some.first() > some.last()) {
      throw new UserError("--rounds: \"" + rounds + "\" ends before it begins");
    }
    return some;
  }

  private AuditText recompute(MeasuredRunLog log, Demands demands) {
    try (TaskModel model = command.models(log).get()) {
      Provenance.require(log.run(), model);
      return audit(log, demands, new WorkerSpotCheck(log.run(), share, model));
    }
  }

  private AuditText audit(
      MeasuredRunLog log, Demands demands, @Nullable WorkerSpotCheck spotCheck) {
    final var display = new ProgressDisplay(spec.commandLine().getErr());
    final long start = System.nanoTime();
    try (var audit = new Audit(log, demands, spotCheck)) {
      final long planned = Math.min(log.run().spec().rounds(), demands.last() + 1);
      final AuditReport report =
          audit.run(done -> display.progress("audited round " + done + "/" + planned));
      display.clear();
      return new AuditText(
          log.run(), report, log.bytes(), (System.nanoTime() - start) / 1e9, shown);
    }
  }
}
