package io.gradstream.benchmarks;

import java.util.List;
import java.util.Locale;

/**
 * Time of a round over N D, both axes logarithmic, with the line on which it would be proportional
 * through the largest.
 */
final class ScalePlot {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 440;
  private static final int MARGIN = 60;

  private final double fromX;
  private final double toX;
  private final double fromY;
  private final double toY;
  private final StringBuilder svg = new StringBuilder();

  private ScalePlot(List<ScalePoint> points) {
    fromX = Math.floor(points.stream().mapToDouble(p -> Math.log10(p.work())).min().orElse(0));
    toX = Math.ceil(points.stream().mapToDouble(p -> Math.log10(p.work())).max().orElse(1) + 0.01);
    fromY = Math.floor(points.stream().mapToDouble(ScalePlot::time).min().orElse(0));
    toY = Math.ceil(points.stream().mapToDouble(ScalePlot::time).max().orElse(1) + 0.01);
  }

  /** The picture as SVG. */
  static String of(List<ScalePoint> points) {
    return new ScalePlot(points).draw(points);
  }

  private static double time(ScalePoint point) {
    return Math.log10(Math.max(point.roundMs(), 0.1));
  }

  private String draw(List<ScalePoint> points) {
    append(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
            + " font-family=\"sans-serif\" font-size=\"13\">%n"
            + "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>%n",
        WIDTH, HEIGHT, WIDTH, HEIGHT);
    for (double x = fromX; x <= toX; x++) {
      append("<path d=\"M%.1f %d V%d\" stroke=\"#ddd\"/>%n", x(x), MARGIN, HEIGHT - MARGIN);
      append(
          "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">1e%.0f</text>%n",
          x(x), HEIGHT - MARGIN + 18, x);
    }
    for (double y = fromY; y <= toY; y++) {
      append("<path d=\"M%d %.1f H%d\" stroke=\"#ddd\"/>%n", MARGIN, y(y), WIDTH - MARGIN);
      append(
          "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>%n",
          MARGIN - 6, y(y) + 4, String.format(Locale.ROOT, "%.0f ms", Math.pow(10, y)));
    }
    append(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">tasks x parameters</text>%n",
        WIDTH / 2, HEIGHT - 14);
    append("<text x=\"%d\" y=\"%d\">time of a round</text>%n", MARGIN, MARGIN - 16);
    proportional(points);
    for (final ScalePoint point : points) {
      append(
          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#1f77b4\"/>"
              + "<text x=\"%.1f\" y=\"%.1f\" font-size=\"10\">N=%d</text>%n",
          x(Math.log10(point.work())),
          y(time(point)),
          x(Math.log10(point.work())) + 6,
          y(time(point)) + 12,
          point.tasks());
    }
    return svg.append("</svg>\n").toString();
  }

  private void proportional(List<ScalePoint> points) {
    final ScalePoint largest =
        points.stream().max((a, b) -> Double.compare(a.work(), b.work())).orElseThrow();
    final double at = Math.log10(largest.work());
    final double left = Math.max(fromX, at - (time(largest) - fromY));
    append(
        "<path d=\"M%.1f %.1f L%.1f %.1f\" stroke=\"#888\" stroke-dasharray=\"5 4\"/>%n",
        x(left), y(time(largest) - (at - left)), x(at), y(time(largest)));
  }

  private double x(double power) {
    return MARGIN + (power - fromX) / (toX - fromX) * (WIDTH - 2 * MARGIN);
  }

  private double y(double power) {
    return HEIGHT - MARGIN - (power - fromY) / (toY - fromY) * (HEIGHT - 2 * MARGIN);
  }

  private void append(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}
