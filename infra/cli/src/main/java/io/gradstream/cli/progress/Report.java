package io.gradstream.cli.progress;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.DeadLetters;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The results of a run, as a table for a person and as JSON for a program.
 *
 * @param run the run's name
 * @param rounds rounds of the whole run
 * @param summary the run so far
 * @param weightsVersion the newest version; -1 before the first
 * @param weightsSha256 its digest; null before the first
 * @param trainedRounds rounds that {@code seconds} were spent on
 * @param seconds what training took, by the clock
 */
public record Report(
    String run,
    long rounds,
    RunSummary summary,
    long weightsVersion,
    @Nullable String weightsSha256,
    long trainedRounds,
    double seconds) {

  /** Lines of at most about 100 characters, without a line break at the end. */
  public String table() {
    final var text = new StringBuilder();
    losses(text);
    metrics(text);
    conflicts(text);
    warnings(text);
    variance(text);
    evaluations(text);
    if (summary.arithmetics().kinds() > 0) {
      line(text, "arithmetic", summary.arithmetics().text());
    }
    time(text);
    if (weightsSha256 != null) {
      line(text, "weights", "version " + weightsVersion + ", sha256 " + weightsSha256);
    }
    return text.toString().stripTrailing();
  }

  private void losses(StringBuilder text) {
    final List<String> tasks = summary.tasks();
    final int width = Math.max(10, tasks.stream().mapToInt(String::length).max().orElse(0));
    final var validations = summary.validations();
    final boolean validated = !validations.isEmpty();
    text.append(
        format(
            "%-" + width + "s  %21s %8s %8s%s%n",
            "task",
            "loss first -> last",
            "change",
            "SNR",
            validated ? "   validation first -> last  change" : ""));
    for (int task = 0; task < tasks.size(); task++) {
      final String name = tasks.get(task);
      text.append(format("%-" + width + "s", name));
      if (summary.decidedRounds() > 0) {
        text.append(pair(summary.firstLosses()[task], summary.lastLosses()[task]));
      } else {
        text.append(" ".repeat(23));
      }
      final OptionalDouble improvement = summary.improvement(task);
      final OptionalDouble ratio = summary.signalToNoise(task);
      text.append(
          format(
              " %8s %8s",
              improvement.isPresent() ? change(0 - improvement.getAsDouble()) : "-",
              ratio.isPresent() ? format("%.3g", ratio.getAsDouble()) : "-"));
      if (validated) {
        final double first = first(validations, name);
        final double last = last(validations, name);
        text.append("    ").append(pair(first, last));
        if (first > 0) {
          text.append(format("%8s", change((last - first) / first)));
        }
      }
      text.append(System.lineSeparator());
    }
  }

  /** The metrics of the last validation, with those of the first. */
  private void metrics(StringBuilder text) {
    final var validations = summary.validations();
    if (validations.isEmpty()) {
      return;
    }
    final var first = validations.sequencedValues().getFirst().getMetricsMap();
    final var last = validations.sequencedValues().getLast().getMetricsMap();
    final String pairs =
        new TreeMap<>(last)
            .entrySet().stream()
                .map(
                    metric ->
                        format(
                            "%s %s -> %s",
                            metric.getKey(),
                            ProgressLine.number(first.getOrDefault(metric.getKey(), Double.NaN)),
                            ProgressLine.number(metric.getValue())))
                .collect(Collectors.joining("; "));
    if (!pairs.isEmpty()) {
      line(text, "held out", pairs);
    }
  }

  private void conflicts(StringBuilder text) {
    final List<String> tasks = summary.tasks();
    if (tasks.size() < 2 || summary.decidedRounds() == 0) {
      return;
    }
    final var pairs = new StringBuilder();
    for (int i = 0; i < tasks.size() && tasks.size() <= 4; i++) {
      for (int j = i + 1; j < tasks.size() && tasks.size() > 2; j++) {
        pairs.append(
            format(
                "; %s against %s %s",
                tasks.get(i), tasks.get(j), percent(summary.conflictRatio(i, j))));
      }
    }
    line(
        text,
        "conflicts",
        format(
            "in %s of the %srounds%s, smallest cosine %+.2f%s",
            percent(summary.conflictRatio()),
            summary.jointRounds() < summary.decidedRounds() ? "joint " : "",
            tasks.size() > 2 ? " (mean over pairs)" : "",
            summary.smallestCosine(),
            pairs));
  }

  /** What groups of micro-batches told of the gradients' noise. */
  private void variance(StringBuilder text) {
    final var parts = new ArrayList<String>();
    for (int task = 0; task < summary.tasks().size(); task++) {
      final OptionalDouble variance = summary.gradientVariance(task);
      final OptionalDouble left = summary.varianceLeft(task);
      if (variance.isPresent()) {
        parts.add(
            format(
                "%s %.3g%s",
                summary.tasks().get(task),
                variance.getAsDouble(),
                left.isPresent() ? format(", calibrated x %.3g", left.getAsDouble()) : ""));
      }
    }
    if (!parts.isEmpty()) {
      line(text, "variance", "of one micro-batch, by groups: " + String.join("; ", parts));
    }
  }

  private void evaluations(StringBuilder text) {
    if (summary.decidedRounds() > 0) {
      line(
          text,
          "gradients",
          format(
              "%d evaluated; %s of the rounds joint",
              summary.gradientEvaluations(), percent(jointShare())));
    }
  }

  /**
   * Warnings: rounds that are not counted, that were skipped, in which the method had no answer, or
   * that moved no shared parameter.
   */
  private void warnings(StringBuilder text) {
    if (summary.goneRounds() > 0) {
      line(
          text,
          "retention",
          "the verdicts of %d earlier rounds are gone; losses, conflicts and counts are of the others"
              .formatted(summary.goneRounds()));
    }
    if (summary.skipped().all() > 0) {
      line(
          text,
          "skipped",
          "%s, the last round %d: %s"
              .formatted(
                  summary.skipped().text(),
                  summary.lastSkipped().getRound(),
                  summary.lastSkipped().getSkippedBecause()));
    }
    if (summary.withoutAnswer().all() > 0) {
      line(
          text,
          "no answer",
          "in %s the method used its fallback%s; the last: %s"
              .formatted(summary.withoutAnswer().text(), byCode(summary), summary.lastFallback()));
    }
    if (summary.withoutUpdate().all() > 0) {
      line(
          text,
          "no update",
          "in %s no shared parameter was moved".formatted(summary.withoutUpdate().text()));
    }
    if (summary.contradictions() > 0) {
      final Metric.Contradiction last = summary.lastContradiction();
      line(
          text,
          "contradicts",
          "%d gradients had other values than those that count for their slot; the last: slot %d of %s in round %d, by %s, where that of %s counts"
              .formatted(
                  summary.contradictions(),
                  last.getSlot(),
                  taskName(last.getTask()),
                  last.getRound(),
                  DeadLetters.printable(last.getWorker()),
                  DeadLetters.printable(last.getCounted())));
    }
  }

  /** A task's name; the sum of all has the number after the last. */
  private String taskName(int task) {
    final List<String> tasks = summary.tasks();
    return task >= 0 && task < tasks.size() ? tasks.get(task) : "the sum";
  }

  private double jointShare() {
    return (double) summary.jointRounds() / summary.decidedRounds();
  }

  private void time(StringBuilder text) {
    if (trainedRounds == 0 || seconds <= 0) {
      return;
    }
    final TimeShares.Seconds time = summary.time();
    final double total = time.total();
    final String shares =
        total == 0
            ? ""
            : format(
                ": computing %s, transport %s, arbitration %s, update %s",
                percent(time.computing() / total),
                percent(time.transport() / total),
                percent(time.arbitration() / total),
                percent(time.update() / total));
    line(
        text,
        "time",
        format(
            "%s for %d rounds, %.3g rounds/s%s",
            ProgressLine.duration(seconds), trainedRounds, trainedRounds / seconds, shares));
  }

  /** One JSON object. */
  public ObjectNode json() {
    final ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("run", run).put("rounds", summary.rounds()).put("rounds_wanted", rounds);
    json.put("weights_version", weightsVersion).put("weights_sha256", weightsSha256);
    final ObjectNode losses = json.putObject("losses");
    final ObjectNode validation = json.putObject("validation");
    final var validations = summary.validations();
    for (int task = 0; task < summary.tasks().size(); task++) {
      final String name = summary.tasks().get(task);
      if (summary.decidedRounds() > 0) {
        losses
            .putObject(name)
            .put("first", summary.firstLosses()[task])
            .put("last", summary.lastLosses()[task]);
      }
      if (!validations.isEmpty()) {
        validation
            .putObject(name)
            .put("first", first(validations, name))
            .put("last", last(validations, name));
      }
    }
    if (!validations.isEmpty()) {
      final ObjectNode metrics = json.putObject("metrics");
      new TreeMap<>(validations.sequencedValues().getLast().getMetricsMap()).forEach(metrics::put);
    }
    final ObjectNode improvement = json.putObject("relative_improvement");
    final ObjectNode signalToNoise = json.putObject("signal_to_noise");
    for (int task = 0; task < summary.tasks().size(); task++) {
      final String name = summary.tasks().get(task);
      summary.improvement(task).ifPresent(share -> improvement.put(name, share));
      summary.signalToNoise(task).ifPresent(ratio -> signalToNoise.put(name, ratio));
      summary
          .gradientVariance(task)
          .ifPresent(variance -> json.withObject("/gradient_variance").put(name, variance));
      summary
          .varianceLeft(task)
          .ifPresent(share -> json.withObject("/calibrated_variance_share").put(name, share));
    }
    json.put("gradient_evaluations", summary.gradientEvaluations());
    if (summary.decidedRounds() > 0) {
      json.put("joint_share", jointShare());
    }
    json.put("conflict_ratio", summary.conflictRatio());
    if (Double.isFinite(summary.smallestCosine())) {
      json.put("smallest_cosine", summary.smallestCosine());
    }
    json.put("skipped_rounds", summary.skipped().all())
        .put("skipped_in_a_row", summary.skippedInARow());
    if (summary.skipped().all() > 0) {
      json.putObject("last_skipped")
          .put("round", summary.lastSkipped().getRound())
          .put("because", summary.lastSkipped().getSkippedBecause());
    }
    json.put("contradictions", summary.contradictions());
    if (summary.contradictions() > 0) {
      final Metric.Contradiction last = summary.lastContradiction();
      json.putObject("last_contradiction")
          .put("round", last.getRound())
          .put("task", taskName(last.getTask()))
          .put("slot", last.getSlot())
          .put("worker", last.getWorker())
          .put("counted", last.getCounted());
    }
    json.put("fallback_rounds", summary.withoutAnswer().all())
        .put("fallback_rounds_of_last_100", summary.withoutAnswer().recent())
        .put("zero_update_rounds", summary.withoutUpdate().all())
        .put("zero_update_rounds_of_last_100", summary.withoutUpdate().recent());
    final ObjectNode byCode = json.putObject("fallback_rounds_by_code");
    summary.fallbacks().forEach((code, count) -> byCode.put(code.name(), count));
    summary.arithmetics().json(json.putArray("arithmetic"));
    json.put("seconds", seconds).put("trained_rounds", trainedRounds);
    final TimeShares.Seconds time = summary.time();
    json.putObject("time")
        .put("computing", time.computing())
        .put("transport", time.transport())
        .put("arbitration", time.arbitration())
        .put("update", time.update());
    return json;
  }

  private static double first(SortedMap<Long, Metric.Validation> validations, String task) {
    return validations.sequencedValues().getFirst().getLossesOrDefault(task, Double.NaN);
  }

  private static double last(SortedMap<Long, Metric.Validation> validations, String task) {
    return validations.sequencedValues().getLast().getLossesOrDefault(task, Double.NaN);
  }

  private static String pair(double first, double last) {
    return format("  %9s -> %8s", ProgressLine.number(first), ProgressLine.number(last));
  }

  /** A relative change in whole percents with its sign: negative where a loss fell. */
  private static String change(double ratio) {
    return (ratio < 0 ? "" : "+") + percent(ratio);
  }

  /** Whole percents, in scientific notation where they are very large. */
  static String percent(double ratio) {
    final double percents = 100 * ratio;
    return format(Math.abs(percents) < 1e5 ? "%.0f %%" : "%.0e %%", percents);
  }

  private static void line(StringBuilder text, String name, String content) {
    text.append(format("%-10s  %s%n", name, content));
  }

  private static String format(String format, @Nullable Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** Such as {@code " (LOSSES 3, OVERFLOW 1)"}; empty where the log has no codes. */
  private static String byCode(RunSummary summary) {
    final String counts =
        summary.fallbacks().entrySet().stream()
            .filter(entry -> entry.getKey() != Verdict.Fallback.NONE)
            .map(entry -> entry.getKey() + " " + entry.getValue())
            .collect(Collectors.joining(", "));
    return counts.isEmpty() ? "" : " (" + counts + ")";
  }
}
