package io.gradstream.cli.evidence;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.Contributions;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.cli.progress.RunSize;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The result of an audit, as lines for a person and as JSON for a program.
 *
 * @param bytes how much of the log was read
 * @param seconds what it took
 */
public record AuditText(RunDescription run, AuditReport report, long bytes, double seconds) {
  private static final int SHOWN_FINDINGS = 10;

  /** Lines without a line break at the end. */
  public String table() {
    final var text = new StringBuilder();
    verdict(text);
    line(
        text,
        "rounds",
        "%s of %d; %s in %.1f s, %s/s",
        report.rounds() == 0
            ? "none"
            : report.first() + " to " + (report.first() + report.rounds() - 1),
        report.planned(),
        RunSize.text(bytes),
        seconds,
        RunSize.text((long) (bytes / seconds)));
    line(
        text,
        "weights",
        "version %d, %s; %d shard versions and %d seals compared%s",
        report.first() + report.rounds(),
        report.weights().isEmpty() ? "not computed" : "sha256 " + report.weights(),
        report.weightsCompared(),
        report.sealsCompared(),
        report.weightsGone() == 0 ? "" : ", " + report.weightsGone() + " no longer kept");
    if (report.validationsCompared() > 0) {
      line(
          text,
          "validation",
          "losses of %d versions name these weights and each other",
          report.validationsCompared());
    }
    if (!report.head().isEmpty()) {
      line(text, "chain", "ends with verdict digest %s", hex());
    }
    proven(text);
    contributions(text);
    arithmetics(text);
    refused(text);
    contradictions(text);
    recomputed(text);
    return text.toString().stripTrailing();
  }

  private void verdict(StringBuilder text) {
    final String name = run.spec().run();
    if (report.clean()) {
      text.append(
          "run %s: clean, %s%n"
              .formatted(
                  name, report.notes().isEmpty() ? "to the bit" : "as far as it can be computed"));
      return;
    }
    text.append(
        "run %s: %d finding%s%n".formatted(name, report.found(), report.found() == 1 ? "" : "s"));
    report.findings().stream()
        .limit(SHOWN_FINDINGS)
        .forEach(finding -> text.append("  ").append(finding).append(System.lineSeparator()));
    if (report.found() > SHOWN_FINDINGS) {
      text.append("  and %d more%n".formatted(report.found() - SHOWN_FINDINGS));
    }
  }

  /** How many rounds have no finding, and notes on what could not be checked. */
  private void proven(StringBuilder text) {
    if (!report.clean()) {
      broken(text);
    }
    report.notes().stream().limit(SHOWN_FINDINGS).forEach(note -> line(text, "note", "%s", note));
  }

  private void broken(StringBuilder text) {
    line(
        text,
        "proven",
        "%d of %d rounds without a finding; broken: %s",
        report.rounds()
            - report.broken().keySet().stream()
                .filter(
                    round -> round >= report.first() && round < report.first() + report.rounds())
                .count(),
        report.rounds(),
        report.broken().entrySet().stream()
            .limit(SHOWN_FINDINGS)
            .map(
                entry ->
                    "round %d (%d finding%s)"
                        .formatted(
                            entry.getKey(), entry.getValue(), entry.getValue() == 1 ? "" : "s"))
            .collect(Collectors.joining(", ")));
  }

  /** A worker that sent two different gradients of one slot: the first counted. */
  private void contradictions(StringBuilder text) {
    report
        .contradictions()
        .forEach(
            (worker, records) ->
                line(
                    text,
                    "contradicts",
                    "%d records by %s have other values than those counted for their slot",
                    records,
                    worker));
  }

  private void contributions(StringBuilder text) {
    final List<Integer> tasks = IntStream.range(0, run.orderedTasks()).boxed().toList();
    final int width =
        Math.max(
            12, report.contributions().keySet().stream().mapToInt(String::length).max().orElse(0));
    text.append(("%n%-" + width + "s").formatted("worker"));
    tasks.forEach(task -> text.append(" %12s".formatted(run.topics().nameOf(task))));
    text.append(" %12s %12s%n".formatted("samples", "computing"));
    report
        .contributions()
        .forEach(
            (worker, shares) -> {
              text.append(("%-" + width + "s").formatted(worker));
              tasks.forEach(
                  task ->
                      text.append(
                          " %12d"
                              .formatted(
                                  shares
                                      .getOrDefault(task, new Contributions.Share(0, 0, 0))
                                      .slots())));
              text.append(
                  String.format(
                      Locale.ROOT,
                      " %12d %11.1fs%n",
                      shares.values().stream().mapToLong(Contributions.Share::samples).sum(),
                      shares.values().stream()
                          .mapToDouble(Contributions.Share::computeSeconds)
                          .sum()));
            });
  }

  private void arithmetics(StringBuilder text) {
    report
        .arithmetics()
        .forEach(
            (fingerprint, workers) ->
                line(
                    text,
                    "arithmetic",
                    "%s: %d slots by %s",
                    ArithmeticPolicy.text(fingerprint),
                    workers.values().stream().mapToLong(Long::longValue).sum(),
                    String.join(", ", workers.keySet())));
    if (report.arithmetics().size() > 1) {
      line(
          text,
          "note",
          "%d kinds of arithmetic computed: the digest depends on which of them computed what",
          report.arithmetics().size());
    }
  }

  private void refused(StringBuilder text) {
    final long sum = report.refused().values().stream().mapToLong(Long::longValue).sum();
    if (sum > 0) {
      final String by =
          report.refused().entrySet().stream()
              .sorted(Map.Entry.comparingByKey())
              .map(
                  entry ->
                      entry.getValue()
                          + " by "
                          + (entry.getKey().isEmpty() ? "nobody named" : entry.getKey()))
              .collect(Collectors.joining(", "));
      line(text, "refused", "%d records: %s", sum, by);
    }
  }

  private void recomputed(StringBuilder text) {
    report
        .recomputed()
        .forEach(
            (worker, tally) ->
                line(
                    text,
                    "recomputed",
                    "%d slots of %s: %d to the bit, largest relative error %.2g%s",
                    tally.slots(),
                    worker,
                    tally.sameBits(),
                    tally.largestError(),
                    tally.suspicious() == 0 ? "" : ", " + tally.suspicious() + " SUSPICIOUS"));
  }

  private static void line(StringBuilder text, String name, String format, Object... values) {
    text.append("%-12s".formatted(name))
        .append(String.format(Locale.ROOT, format, values))
        .append(System.lineSeparator());
  }

  private String hex() {
    return HexFormat.of().formatHex(report.head().toByteArray());
  }

  /** One object on one line. */
  public String json() {
    final ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("run", run.spec().run())
        .put("clean", report.clean())
        .put("first_round", report.first())
        .put("rounds", report.rounds())
        .put("planned_rounds", report.planned())
        .put("weights_version", report.first() + report.rounds())
        .put("weights_sha256", report.weights())
        .put("weights_compared", report.weightsCompared())
        .put("weights_no_longer_kept", report.weightsGone())
        .put("seals_compared", report.sealsCompared())
        .put("validations_compared", report.validationsCompared())
        .put("last_verdict_digest", hex())
        .put("bytes", bytes)
        .put("seconds", seconds)
        .put("findings_count", report.found());
    final var findings = json.putArray("findings");
    for (final Finding finding : report.findings()) {
      findings
          .addObject()
          .put("kind", finding.kind().name().toLowerCase(Locale.ROOT))
          .put("round", finding.round())
          .put("topic", finding.where().topic())
          .put("partition", finding.where().partition())
          .put("offset", finding.offset())
          .put("what", finding.what())
          .put("recorded", finding.recorded())
          .put("expected", finding.expected());
    }
    final ObjectNode workers = json.putObject("contributions");
    report
        .contributions()
        .forEach(
            (worker, shares) -> {
              final ObjectNode tasks = workers.putObject(worker);
              shares.forEach(
                  (task, share) ->
                      tasks
                          .putObject(run.topics().nameOf(task))
                          .put("slots", share.slots())
                          .put("samples", share.samples())
                          .put("compute_seconds", share.computeSeconds()));
            });
    final ObjectNode arithmetics = json.putObject("arithmetics");
    report
        .arithmetics()
        .forEach(
            (fingerprint, slots) -> {
              final ObjectNode byWorker = arithmetics.putObject(ArithmeticPolicy.text(fingerprint));
              slots.forEach(byWorker::put);
            });
    final ObjectNode refused = json.putObject("refused");
    report.refused().forEach(refused::put);
    final ObjectNode contradictions = json.putObject("contradictions");
    report.contradictions().forEach(contradictions::put);
    final ObjectNode broken = json.putObject("broken_rounds");
    report.broken().forEach((round, count) -> broken.put(Long.toString(round), count));
    final var notes = json.putArray("notes");
    report.notes().forEach(notes::add);
    final ObjectNode recomputed = json.putObject("recomputed");
    report
        .recomputed()
        .forEach(
            (worker, tally) ->
                recomputed
                    .putObject(worker)
                    .put("slots", tally.slots())
                    .put("same_bits", tally.sameBits())
                    .put("suspicious", tally.suspicious())
                    .put("largest_error", tally.largestError()));
    return json.toString();
  }
}
