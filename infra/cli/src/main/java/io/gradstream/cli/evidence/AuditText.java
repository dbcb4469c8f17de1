package io.gradstream.cli.evidence;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.Contributions;
import io.gradstream.audit.rounds.Contradiction;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.cli.Printable;
import io.gradstream.cli.progress.RunSize;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.util.HexFormat;
import java.util.LinkedHashMap;
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
 * @param shownFindings how many findings a person is shown
 */
public record AuditText(
    RunDescription run, AuditReport report, long bytes, double seconds, int shownFindings) {
  /** Rounds, notes and pairs of workers of which a person is shown the first. */
  private static final int SHOWN = 10;

  private static final String NO_NAME = "(no name)";

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
    shown().forEach(finding -> plain(text, "  " + finding));
    final long more = report.found() - Math.min(report.found(), shownFindings);
    if (more > 0) {
      plain(
          text,
          "  and %d more; in all %s"
              .formatted(
                  more,
                  report.groups().entrySet().stream()
                      .map(
                          entry ->
                              "%d %s on %s"
                                  .formatted(
                                      entry.getValue(),
                                      name(entry.getKey().kind()),
                                      entry.getKey().topic()))
                      .collect(Collectors.joining(", "))));
    }
  }

  /** Some findings of each kind and topic, as many of each as there is room for. */
  private List<Finding> shown() {
    final Map<AuditReport.Group, List<Finding>> byGroup =
        report.findings().stream()
            .collect(
                Collectors.groupingBy(
                    finding -> new AuditReport.Group(finding.kind(), finding.where().topic()),
                    LinkedHashMap::new,
                    Collectors.toList()));
    final Map<AuditReport.Group, Integer> dealt = new LinkedHashMap<>();
    int left = Math.min(shownFindings, report.findings().size());
    while (left > 0) {
      for (final var group : byGroup.entrySet()) {
        if (left > 0 && dealt.getOrDefault(group.getKey(), 0) < group.getValue().size()) {
          dealt.merge(group.getKey(), 1, Integer::sum);
          left--;
        }
      }
    }
    return dealt.entrySet().stream()
        .flatMap(
            entry ->
                byGroup.getOrDefault(entry.getKey(), List.of()).stream().limit(entry.getValue()))
        .toList();
  }

  private static String name(Finding.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /** How many rounds have no finding, and notes on what could not be checked. */
  private void proven(StringBuilder text) {
    if (!report.clean()) {
      broken(text);
    }
    report.notes().stream().limit(SHOWN).forEach(note -> line(text, "note", "%s", note));
  }

  private void broken(StringBuilder text) {
    final long broken =
        report.broken().keySet().stream()
            .filter(round -> round >= report.first() && round < report.first() + report.rounds())
            .count();
    line(
        text,
        "proven",
        "%d of %d rounds; %s",
        report.rounds() - broken,
        report.rounds(),
        report.broken().isEmpty()
            ? "no finding is on what decides their weights"
            : "broken: " + brokenRounds());
  }

  private String brokenRounds() {
    return report.broken().entrySet().stream()
            .limit(SHOWN)
            .map(
                entry ->
                    "round %d (%d finding%s)"
                        .formatted(
                            entry.getKey(), entry.getValue(), entry.getValue() == 1 ? "" : "s"))
            .collect(Collectors.joining(", "))
        + (report.broken().size() <= SHOWN
            ? ""
            : " and %d more".formatted(report.broken().size() - SHOWN));
  }

  /** Two workers' different gradients of the same slots: the first counted. */
  private void contradictions(StringBuilder text) {
    report.contradictions().entrySet().stream()
        .sorted(Map.Entry.<Contradiction, Long>comparingByValue().reversed())
        .limit(SHOWN)
        .forEach(
            entry ->
                line(
                    text,
                    "contradicts",
                    "%d records by %s have other values than those by %s, which came first and counted",
                    entry.getValue(),
                    named(entry.getKey().worker()),
                    named(entry.getKey().counted())));
    if (report.contradictions().size() > SHOWN) {
      line(
          text,
          "contradicts",
          "and %d more pairs of workers",
          report.contradictions().size() - SHOWN);
    }
  }

  private static String named(String worker) {
    return worker.isBlank() ? NO_NAME : worker;
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
              text.append(("%-" + width + "s").formatted(Printable.of(named(worker))));
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
                    workers.keySet().stream()
                        .map(AuditText::named)
                        .collect(Collectors.joining(", "))));
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
                    named(worker),
                    tally.sameBits(),
                    tally.largestError(),
                    tally.suspicious() == 0 ? "" : ", " + tally.suspicious() + " SUSPICIOUS"));
  }

  private static void line(StringBuilder text, String name, String format, Object... values) {
    plain(text, "%-12s".formatted(name) + String.format(Locale.ROOT, format, values));
  }

  /** Names come from the topics, where anybody may have written them. */
  private static void plain(StringBuilder text, String line) {
    text.append(Printable.of(line)).append(System.lineSeparator());
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
          .put("kind", name(finding.kind()))
          .put("round", finding.round())
          .put("topic", finding.where().topic())
          .put("partition", finding.where().partition())
          .put("offset", finding.offset())
          .put("what", finding.what())
          .put("recorded", finding.recorded())
          .put("expected", finding.expected());
    }
    final var groups = json.putArray("findings_by_kind");
    report
        .groups()
        .forEach(
            (group, count) ->
                groups
                    .addObject()
                    .put("kind", name(group.kind()))
                    .put("topic", group.topic())
                    .put("count", count));
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
    final var contradictions = json.putArray("contradictions");
    report
        .contradictions()
        .forEach(
            (pair, records) ->
                contradictions
                    .addObject()
                    .put("worker", pair.worker())
                    .put("counted", pair.counted())
                    .put("records", records));
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
