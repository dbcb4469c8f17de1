package io.gradstream.audit.replay;

import io.gradstream.proto.message.Verdict;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * What a replay came to, over all rounds.
 *
 * @param rounds in order
 */
public record ReplaySummary(List<Comparison> rounds) {
  private static final int SHOWN = 3;

  public ReplaySummary {
    rounds = List.copyOf(rounds);
  }

  /** Rounds whose update has the same bits. */
  public long identical() {
    return rounds.stream().filter(round -> round.difference() == 0).count();
  }

  /** Rounds that were decided otherwise. */
  public long decisionsThatDiffer() {
    return rounds.stream().filter(Comparison::decisionDiffers).count();
  }

  private DoubleSummaryStatistics over(ToDoubleFunction<Comparison> number) {
    return rounds.stream().mapToDouble(number).summaryStatistics();
  }

  /** Lines for people. */
  public List<String> lines() {
    if (rounds.isEmpty()) {
      return List.of("no round on the log yet");
    }
    final var lines = new ArrayList<String>();
    final DoubleSummaryStatistics cosine = over(Comparison::cosine);
    final DoubleSummaryStatistics ratio = over(Comparison::normRatio);
    final DoubleSummaryStatistics difference = over(Comparison::difference);
    lines.add(line("cosine", "mean %.6f, smallest %.6f", cosine.getAverage(), cosine.getMin()));
    lines.add(
        line(
            "norm ratio",
            "mean %.4f, from %.4f to %.4f",
            ratio.getAverage(),
            ratio.getMin(),
            ratio.getMax()));
    lines.add(
        line(
            "difference", "mean %.4g, largest %.4g", difference.getAverage(), difference.getMax()));
    lines.add(line("same bits", "in %d of %d rounds", identical(), rounds.size()));
    lines.add(line("decisions", "differ in %d rounds", decisionsThatDiffer()));
    lines.add(
        line(
            "conflicts left",
            "%s as recorded, %s otherwise",
            conflictsLeft(
                rounds.stream().map(Comparison::recorded).map(Comparison::conflictsLeft).toList()),
            conflictsLeft(
                rounds.stream()
                    .map(Comparison::alternative)
                    .map(Comparison::conflictsLeft)
                    .toList())));
    final long collapsed = collapsed(Comparison::recorded);
    final long collapsedOtherwise = collapsed(Comparison::alternative);
    if (collapsed + collapsedOtherwise > 0) {
      lines.add(
          line(
              "no update",
              "%d rounds as recorded, %d otherwise, of %d",
              collapsed,
              collapsedOtherwise,
              rounds.size()));
    }
    rounds.stream()
        .filter(round -> round.difference() > 0)
        .sorted(Comparator.comparingDouble(Comparison::cosine))
        .limit(SHOWN)
        .forEach(
            round ->
                lines.add(
                    line(
                        "furthest apart",
                        "round %d: cosine %.6f, norm ratio %.4f",
                        round.round(),
                        round.cosine(),
                        round.normRatio())));
    return lines;
  }

  /** In how many rounds the tasks' gradients cancelled, or were weighted away. */
  private long collapsed(Function<Comparison, Verdict> verdict) {
    return rounds.stream().map(verdict).filter(Comparison::isCollapsed).count();
  }

  private static String line(String name, String format, Object... arguments) {
    return "%-16s%s".formatted(name, String.format(Locale.ROOT, format, arguments));
  }

  /** In how many rounds some task was left worse off. */
  private static String conflictsLeft(List<OptionalInt> tasks) {
    final long known = tasks.stream().filter(OptionalInt::isPresent).count();
    return known == 0
        ? "unknown"
        : "%d of %d rounds"
            .formatted(tasks.stream().filter(left -> left.orElse(0) > 0).count(), known);
  }

  /** One line for each round, after a line of names. */
  public String csv() {
    final var csv =
        new StringBuilder(
            "round,cosine,norm_ratio,difference,decision_differs,conflicts_left_recorded,"
                + "conflicts_left_alternative,arbitrated_recorded,arbitrated_alternative,"
                + "variance_left_recorded,variance_left_alternative\n");
    for (final Comparison round : rounds) {
      csv.append(
          "%d,%s,%s,%s,%s,%s,%s,%d,%d,%s,%s%n"
              .formatted(
                  round.round(),
                  round.cosine(),
                  round.normRatio(),
                  round.difference(),
                  round.decisionDiffers(),
                  text(Comparison.conflictsLeft(round.recorded())),
                  text(Comparison.conflictsLeft(round.alternative())),
                  round.recorded().getArbitrationsCount(),
                  round.alternative().getArbitrationsCount(),
                  text(Comparison.varianceLeft(round.recorded())),
                  text(Comparison.varianceLeft(round.alternative()))));
    }
    return csv.toString();
  }

  private static String text(OptionalInt number) {
    return number.isPresent() ? Integer.toString(number.getAsInt()) : "";
  }

  private static String text(OptionalDouble number) {
    return number.isPresent() ? Double.toString(number.getAsDouble()) : "";
  }
}
