package io.gradstream.cli.evidence;

import io.gradstream.audit.lineage.Lineage.TensorChange;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.cli.Printable;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.VerdictGram;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ArithmeticPolicy;
import io.gradstream.server.schedule.LearningRateFactor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A round in plain words and numbers: losses and norms, the cosines, who won which conflict and
 * why, the update, what it changed, and who contributed.
 */
public final class RoundText {
  private static final int SHOWN_TENSORS = 12;

  private final RunDescription run;
  private final LoggedRound round;
  private final Verdict verdict;
  private final List<String> tasks;
  private final List<TensorChange> changes;
  private final List<Finding> passedOver;
  private final StringBuilder text = new StringBuilder();

  /**
   * @param changes what the round changed in the weights
   * @param passedOver records that claim to be of the round and that nobody took
   */
  public RoundText(
      RunDescription run, LoggedRound round, List<TensorChange> changes, List<Finding> passedOver) {
    this.run = run;
    this.round = round;
    this.verdict = round.verdict();
    this.tasks = run.manifest().tasks();
    this.changes = changes;
    this.passedOver = passedOver;
  }

  /** Lines without a line break at the end. */
  public String text() {
    text.setLength(0);
    line(
        "run %s, round %d of %d: from weights version %d to %d",
        run.spec().run(), round.round(), run.spec().rounds(), round.round(), round.round() + 1);
    if (verdict.getSkipped()) {
      skipped();
      passedOver();
      return text.toString().stripTrailing();
    }
    line(
        verdict.getScalarized()
            ? "One gradient of the summed loss a slot; the tasks were balanced."
            : "One gradient a task and slot; " + verdict.getResolver() + " weighed them.");
    tasks();
    groups();
    cosines();
    conflicts();
    details();
    update();
    weights();
    contributors();
    passedOver();
    return text.toString().stripTrailing();
  }

  private void skipped() {
    line("The round was skipped: %s.", verdict.getSkippedBecause());
    line("Weights, momentum and whatever else is remembered stayed as they were.");
    line("");
    round
        .divergence()
        .ifPresent(
            statement -> {
              final ShardStatistics.Divergence divergence = statement.statistics().getDivergence();
              for (final ShardStatistics.Contribution each : divergence.getRefusedList()) {
                line(
                    "refused of %s: slot %d of %s, shard %d, at offset %d",
                    each.getWorker(),
                    each.getSlot(),
                    run.topics().nameOf(each.getTask()),
                    divergence.getShard(),
                    each.getOffset());
              }
            });
    line(
        "skipped so far: %d rounds, %d in a row",
        verdict.getSkippedRounds(), verdict.getSkippedInARow());
  }

  private void tasks() {
    line("");
    line("%-16s %12s %12s %14s %14s", "task", "loss", "loss weight", "gradient norm", "its weight");
    final List<Double> weights = VerdictGram.weights(verdict);
    for (int task = 0; task < tasks.size(); task++) {
      line(
          "%-16s %12s %12s %14s %14s",
          tasks.get(task),
          number(verdict.getLossesList(), task),
          "%.4g".formatted(run.spec().tasks().get(task).weight()),
          number(verdict.getNormsList(), task),
          number(weights, task));
    }
  }

  /** What each group of micro-batches was given, and what they tell about the gradients' noise. */
  private void groups() {
    final VerdictGram gram = VerdictGram.of(verdict).orElse(null);
    if (gram == null || gram.groups() == 1) {
      return;
    }
    line("");
    line(
        "A task's micro-batches were summed into %d groups, of %s.",
        gram.groups(),
        run.slots().isAlike() ? verdict.getGroupSlotsList().toString() : "equal size");
    line(
        "%-16s %14s %14s %14s  %s",
        "over groups", "Var of one", "SNR of one", "Var(m)/Var(g)", "weights, group by group");
    for (int task = 0; task < tasks.size(); task++) {
      line(
          "%-16s %14s %14s %14s  %s",
          tasks.get(task),
          number(verdict.getGradientVarianceList(), task),
          signalToNoise(task),
          ratio(verdict.getCalibratedVarianceList(), verdict.getGradientVarianceList(), task),
          verdict.getWeightsCount() == gram.rows()
              ? numbers(
                  verdict
                      .getWeightsList()
                      .subList(task * gram.groups(), (task + 1) * gram.groups()))
              : "by element");
    }
    if (tasks.size() > 1) {
      line("smallest cosine within a group: %s", smallestWithin(gram));
    }
  }

  /** Of one micro-batch's raw gradient, over all parameters of the task, as this round shows it. */
  private String signalToNoise(int task) {
    final int slots = run.slots().of(task);
    if (task >= verdict.getSlotSquaredMeanCount() || task >= verdict.getMeanSquaredCount()) {
      return "-";
    }
    final double ofSlots = verdict.getSlotSquaredMean(task);
    final double ofMean = verdict.getMeanSquared(task);
    if (slots < 2) {
      return "-";
    }
    final double noise = slots * (ofSlots - ofMean) / (slots - 1);
    final double signal = Math.max(0, (slots * ofMean - ofSlots) / (slots - 1));
    return noise > 0 ? String.format(Locale.ROOT, "%.4g", signal / noise) : "-";
  }

  private static String ratio(List<Double> above, List<Double> below, int index) {
    return index < above.size() && index < below.size() && below.get(index) > 0
        ? String.format(Locale.ROOT, "%.4g", above.get(index) / below.get(index))
        : "-";
  }

  private static String smallestWithin(VerdictGram gram) {
    double smallest = Double.POSITIVE_INFINITY;
    int where = 0;
    for (int group = 0; group < gram.groups(); group++) {
      for (int i = 0; i < gram.tasks(); i++) {
        for (int j = i + 1; j < gram.tasks(); j++) {
          final double norms =
              Math.sqrt(gram.ofGroup(group, i, i)) * Math.sqrt(gram.ofGroup(group, j, j));
          if (norms > 0 && gram.ofGroup(group, i, j) / norms < smallest) {
            smallest = gram.ofGroup(group, i, j) / norms;
            where = group;
          }
        }
      }
    }
    return Double.isFinite(smallest)
        ? String.format(Locale.ROOT, "%+.4f, in group %d", smallest, where)
        : "-";
  }

  private static String number(List<Double> values, int index) {
    return index < values.size() ? String.format(Locale.ROOT, "%.4g", values.get(index)) : "-";
  }

  private void cosines() {
    final int n = tasks.size();
    final VerdictGram gram = VerdictGram.of(verdict).orElse(null);
    if (n < 2 || gram == null || gram.tasks() != n) {
      return;
    }
    line("");
    final var head = new StringBuilder("%-16s".formatted("cosine"));
    tasks.forEach(task -> head.append(" %10.10s".formatted(task)));
    line("%s", head);
    for (int i = 0; i < n; i++) {
      final var row = new StringBuilder("%-16s".formatted(tasks.get(i)));
      for (int j = 0; j < n; j++) {
        row.append(String.format(Locale.ROOT, " %10.4f", gram.cosine(i, j).orElse(0)));
      }
      line("%s", row);
    }
  }

  private void conflicts() {
    if (verdict.getScalarized()) {
      return;
    }
    line("");
    if (verdict.getArbitrationsCount() == 0) {
      line("No pair was arbitrated.");
    } else {
      line("Arbitrated, in this order:");
    }
    for (final Verdict.Arbitration pair : verdict.getArbitrationsList()) {
      final String first = tasks.get(pair.getFirst());
      final String second = tasks.get(pair.getSecond());
      final String outcome =
          pair.getWinner() < 0
              ? "both give way alike"
              : "%s scores %.4g, %s %.4g: %s wins%s"
                  .formatted(
                      first,
                      pair.getFirstScore(),
                      second,
                      pair.getSecondScore(),
                      tasks.get(pair.getWinner()),
                      pair.getForced()
                          ? ", though its score is the lower one: the other has won as often in a"
                              + " row as the dominance window allows"
                          : "");
      line(
          "  %s%s against %s: cosine %+.4f, zone %s; %s",
          verdict.getGroupSlotsCount() > 1 ? "group %d: ".formatted(pair.getGroup()) : "",
          first,
          second,
          pair.getCosine(),
          pair.getZone(),
          outcome);
    }
    if (!verdict.getFallback().isEmpty()) {
      line(
          "The method had no answer%s: %s",
          verdict.getFallbackCode() == Verdict.Fallback.NONE
              ? ""
              : " (" + verdict.getFallbackCode() + ")",
          verdict.getFallback());
    }
  }

  private void details() {
    new TreeMap<>(verdict.getDetailsMap())
        .forEach((name, values) -> line("%s: %s", name, numbers(values.getValuesList())));
    if (verdict.hasCalibration()) {
      line(
          "calibrated, share of the gradient kept: %s",
          numbers(verdict.getCalibration().getDirectList()));
      line("share of the old memory kept: %s", numbers(verdict.getCalibration().getKeepList()));
    }
    if (verdict.getNextScalarized()) {
      line("The next round takes one gradient of the summed loss a slot.");
    }
  }

  private static String numbers(List<Double> values) {
    return values.stream()
        .map(value -> String.format(Locale.ROOT, "%.4g", value))
        .toList()
        .toString();
  }

  private void update() {
    line("");
    line(
        "update: %s, momentum %.3g, %s",
        verdict.hasUpdateNorm()
            ? String.format(Locale.ROOT, "norm %.4g", verdict.getUpdateNorm())
            : "decided element by element",
        verdict.getMomentumBeta(),
        verdict.getClipFactor() < 1
            ? String.format(Locale.ROOT, "clipped to %.3g of it", verdict.getClipFactor())
            : "not clipped");
    line(
        "optimizer: %s; the schedule makes %.4g of the learning rate",
        run.spec().optimizer(), LearningRateFactor.of(run.spec()).at(round.round()));
  }

  private void weights() {
    line("");
    line("%-44s %12s %12s", "changed most", "by norm", "of its own");
    changes.stream()
        .sorted(Comparator.comparingDouble(TensorChange::norm).reversed())
        .limit(SHOWN_TENSORS)
        .forEach(
            change ->
                line(
                    "%-44s %12.4g %12s",
                    change.tensor(),
                    change.norm(),
                    change.before() > 0
                        ? String.format(
                            Locale.ROOT, "%.3g %%", 100 * change.norm() / change.before())
                        : "-"));
    if (changes.size() > SHOWN_TENSORS) {
      line("and %d more tensors", changes.size() - SHOWN_TENSORS);
    }
  }

  private void contributors() {
    line("");
    final Map<String, List<String>> byWorker = new TreeMap<>();
    final var seen = new TreeMap<Integer, ShardStatistics.Slot>();
    for (final LoggedRound.Statement statement : round.statements()) {
      for (final ShardStatistics.Slot slot : statement.statistics().getSlotsList()) {
        if (seen.putIfAbsent(run.slots().place(slot.getTask(), slot.getSlot()), slot) == null) {
          byWorker
              .computeIfAbsent(slot.getWorker(), absent -> new ArrayList<>())
              .add(
                  "%s %d (%.0f ms)"
                      .formatted(
                          run.topics().nameOf(slot.getTask()),
                          slot.getSlot(),
                          slot.getComputeUs() / 1e3));
        }
      }
    }
    byWorker.forEach(
        (worker, slots) -> line("from %s: slots %s", worker, String.join(", ", slots)));
    final Map<String, List<String>> byArithmetic = new TreeMap<>();
    seen.values()
        .forEach(
            slot ->
                byArithmetic
                    .computeIfAbsent(
                        ArithmeticPolicy.text(slot.getFingerprint()), absent -> new ArrayList<>())
                    .add("%s %d".formatted(run.topics().nameOf(slot.getTask()), slot.getSlot())));
    byArithmetic.forEach(
        (arithmetic, slots) ->
            line(
                "computed with arithmetic %s: %s",
                arithmetic, byArithmetic.size() == 1 ? "all" : String.join(", ", slots)));
  }

  private void passedOver() {
    if (!passedOver.isEmpty()) {
      line("");
    }
    passedOver.forEach(finding -> line("passed over, and not told here: %s", finding));
  }

  /** Names come from the topics, where anybody may have written them. */
  private void line(String format, Object... values) {
    text.append(Printable.of(String.format(Locale.ROOT, format, values)))
        .append(System.lineSeparator());
  }
}
