package io.gradstream.audit.replay;

import io.gradstream.audit.svg.Svg;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A replay as a picture (SVG): over the rounds the cosine between recorded and alternative update,
 * the ratio of their norms, and a mark below each round that was decided otherwise.
 */
public final class ReplayPlot {
  private static final int WIDTH = 900;
  private static final int LEFT = 70;
  private static final int RIGHT = WIDTH - 20;
  private static final int PANEL = 180;
  private static final int GAP = 50;
  private static final int TOP = 50;
  private static final int HEIGHT = TOP + 2 * PANEL + 2 * GAP;

  private final List<Comparison> rounds;
  private final Svg svg = new Svg(WIDTH, HEIGHT, 13);

  private ReplayPlot(List<Comparison> rounds) {
    this.rounds = rounds;
  }

  /**
   * Draws a replay.
   *
   * @param title such as {@code digits-mae: gcond as recorded, pcgrad instead}
   */
  public static String of(String title, ReplaySummary summary) {
    return new ReplayPlot(summary.rounds()).draw(title);
  }

  private String draw(String title) {
    text(LEFT, 24, "start", "#000", title);
    final double lowest = rounds.stream().mapToDouble(Comparison::cosine).min().orElse(0);
    panel(TOP, "cosine", Comparison::cosine, Math.min(lowest, 0.99), 1, "#1f77b4");
    final double least = rounds.stream().mapToDouble(Comparison::normRatio).min().orElse(1);
    final double most = rounds.stream().mapToDouble(Comparison::normRatio).max().orElse(1);
    final int second = TOP + PANEL + GAP;
    panel(
        second,
        "norm ratio",
        Comparison::normRatio,
        Math.min(least, 0.99),
        Math.max(most, 1.01),
        "#2ca02c");
    marks(second + PANEL + 12);
    return svg.end();
  }

  private void panel(
      int top,
      String name,
      ToDoubleFunction<Comparison> number,
      double lowest,
      double highest,
      String colour) {
    svg.add(
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#ccc\"/>%n",
        LEFT, top, RIGHT - LEFT, PANEL);
    text(LEFT, top - 6, "start", colour, name);
    text(LEFT - 6, top + 5, "end", "#444", "%.4g".formatted(highest));
    text(LEFT - 6, top + PANEL + 5, "end", "#444", "%.4g".formatted(lowest));
    svg.add("<polyline fill=\"none\" stroke=\"%s\" points=\"", colour);
    for (final Comparison round : rounds) {
      final double share = (number.applyAsDouble(round) - lowest) / (highest - lowest);
      svg.add("%.1f,%.1f ", x(round), top + PANEL * (1 - share));
    }
    svg.add("\"/>%n");
  }

  private void marks(int y) {
    svg.add("<path stroke=\"#d62728\" stroke-width=\"1.5\" d=\"");
    for (final Comparison round : rounds) {
      if (round.decisionDiffers()) {
        svg.add("M%.1f %d v8 ", x(round), y);
      }
    }
    svg.add("\"/>%n");
    text(LEFT, y + 26, "start", "#d62728", "decided otherwise");
    text(RIGHT, y + 26, "end", "#444", "round " + (rounds.isEmpty() ? 0 : last().round()));
  }

  private Comparison last() {
    return rounds.getLast();
  }

  private double x(Comparison round) {
    final long first = rounds.getFirst().round();
    final long span = Math.max(1, last().round() - first);
    return LEFT + (double) (RIGHT - LEFT) * (round.round() - first) / span;
  }

  private void text(int x, int y, String anchor, String colour, String words) {
    svg.text(x, y, anchor, "fill=\"" + colour + "\"", words);
  }
}
