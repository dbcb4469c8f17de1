package io.gradstream.audit.whatif;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * A replay as a picture (SVG): over the rounds the cosine between recorded and alternative update,
 * the ratio of their norms, and a mark below each round that was decided otherwise.
 */
public final class WhatIfPlot {
  private static final int WIDTH = 900;
  private static final int LEFT = 70;
  private static final int RIGHT = WIDTH - 20;
  private static final int PANEL = 180;
  private static final int GAP = 50;
  private static final int TOP = 50;

  private final List<Comparison> rounds;
  private final StringBuilder svg = new StringBuilder();

  private WhatIfPlot(List<Comparison> rounds) {
    this.rounds = rounds;
  }

  /**
   * Draws a replay.
   *
   * @param title such as {@code digits-mae: gcond as recorded, pcgrad instead}
   */
  public static String of(String title, WhatIfSummary summary) {
    return new WhatIfPlot(summary.rounds()).draw(title);
  }

  private String draw(String title) {
    final int height = TOP + 2 * PANEL + 2 * GAP;
    append(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
            + " font-family=\"sans-serif\" font-size=\"13\">%n",
        WIDTH, height);
    append("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>%n", WIDTH, height);
    text(LEFT, 24, "start", "#000", escaped(title));
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
    return svg.append("</svg>\n").toString();
  }

  private void panel(
      int top,
      String name,
      ToDoubleFunction<Comparison> number,
      double lowest,
      double highest,
      String colour) {
    append(
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#ccc\"/>%n",
        LEFT, top, RIGHT - LEFT, PANEL);
    text(LEFT, top - 6, "start", colour, name);
    text(LEFT - 6, top + 5, "end", "#444", "%.4g".formatted(highest));
    text(LEFT - 6, top + PANEL + 5, "end", "#444", "%.4g".formatted(lowest));
    append("<polyline fill=\"none\" stroke=\"%s\" points=\"", colour);
    for (final Comparison round : rounds) {
      final double share = (number.applyAsDouble(round) - lowest) / (highest - lowest);
      append("%.1f,%.1f ", x(round), top + PANEL * (1 - share));
    }
    append("\"/>%n");
  }

  private void marks(int y) {
    append("<path stroke=\"#d62728\" stroke-width=\"1.5\" d=\"");
    for (final Comparison round : rounds) {
      if (round.decisionDiffers()) {
        append("M%.1f %d v8 ", x(round), y);
      }
    }
    append("\"/>%n");
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
    append(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" fill=\"%s\">%s</text>%n",
        x, y, anchor, colour, words);
  }

  private static String escaped(String words) {
    return words.replace("&", "&amp;").replace("<", "&lt;");
  }

  private void append(String format, Object... arguments) {
    svg.append(String.format(Locale.ROOT, format, arguments));
  }
}
