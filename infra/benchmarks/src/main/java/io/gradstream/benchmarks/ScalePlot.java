package io.gradstream.benchmarks;

import io.gradstream.audit.svg.Svg;
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
  private final Svg svg = new Svg(WIDTH, HEIGHT, 13);

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
    for (double x = fromX; x <= toX; x++) {
      svg.line("<path d=\"M%.1f %d V%d\" stroke=\"#ddd\"/>", x(x), MARGIN, HEIGHT - MARGIN);
      text(x(x), HEIGHT - MARGIN + 18, "middle", "1e%.0f", x);
    }
    for (double y = fromY; y <= toY; y++) {
      svg.line("<path d=\"M%d %.1f H%d\" stroke=\"#ddd\"/>", MARGIN, y(y), WIDTH - MARGIN);
      text(MARGIN - 6, y(y) + 4, "end", "%.0f ms", Math.pow(10, y));
    }
    text(WIDTH / 2.0, HEIGHT - 14, "middle", "tasks x parameters");
    text(MARGIN, MARGIN - 16, "start", "time of a round");
    proportional(points);
    for (final ScalePoint point : points) {
      final double x = x(Math.log10(point.work()));
      final double y = y(time(point));
      svg.line("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#1f77b4\"/>", x, y);
      svg.text(x + 6, y + 12, "start", "font-size=\"10\"", "N=" + point.tasks());
    }
    return svg.end();
  }

  private void text(double x, double y, String anchor, String format, Object... values) {
    svg.text(x, y, anchor, "", String.format(Locale.ROOT, format, values));
  }

  private void proportional(List<ScalePoint> points) {
    final ScalePoint largest =
        points.stream().max((a, b) -> Double.compare(a.work(), b.work())).orElseThrow();
    final double at = Math.log10(largest.work());
    final double left = Math.max(fromX, at - (time(largest) - fromY));
    svg.line(
        "<path d=\"M%.1f %.1f L%.1f %.1f\" stroke=\"#888\" stroke-dasharray=\"5 4\"/>",
        x(left), y(time(largest) - (at - left)), x(at), y(time(largest)));
  }

  private double x(double power) {
    return MARGIN + (power - fromX) / (toX - fromX) * (WIDTH - 2 * MARGIN);
  }

  private double y(double power) {
    return HEIGHT - MARGIN - (power - fromY) / (toY - fromY) * (HEIGHT - 2 * MARGIN);
  }
}
