package io.gradstream.cli.toy;

import io.gradstream.audit.svg.Svg;
import io.gradstream.cli.toy.Descent.Point;
import io.gradstream.cli.toy.Descent.Trajectory;
import io.gradstream.producer.loss.Landscape;
import java.util.List;
import java.util.Locale;

/**
 * The familiar picture of the toy experiment as SVG: contours of the mean loss, the Pareto set, and
 * where each method went from its start (a dot) to its end (a star).
 */
public final class LandscapePlot {
  private static final double RANGE = 10.5;
  private static final int CELLS = 150;
  private static final int SIZE = 640;
  private static final int LEGEND = 24;
  private static final List<String> COLOURS =
      List.of(
          "#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2");

  private final Svg svg;

  private LandscapePlot(int height) {
    svg = new Svg(SIZE, height, 14);
  }

  /** Draws trajectories; those of one method share a colour. */
  public static String of(List<Trajectory> trajectories) {
    List<String> methods = trajectories.stream().map(Trajectory::method).distinct().toList();
    return new LandscapePlot(SIZE + LEGEND * (methods.size() + 1)).draw(trajectories, methods);
  }

  private String draw(List<Trajectory> trajectories, List<String> methods) {
    contours();
    // Between the bowls' minima both losses cannot fall at once.
    line(new Point(-7, -8.3), new Point(7, -8.3), "stroke=\"#888\" stroke-width=\"6\"");
    for (Trajectory trajectory : trajectories) {
      path(trajectory, COLOURS.get(methods.indexOf(trajectory.method()) % COLOURS.size()));
    }
    int row = SIZE + LEGEND / 2;
    svg.add("<text x=\"12\" y=\"%d\" fill=\"#888\">Pareto set</text>%n", row + 5);
    for (String method : methods) {
      row += LEGEND;
      svg.add(
          "<text x=\"12\" y=\"%d\" fill=\"%s\">%s: mean loss at the end %s</text>%n",
          row + 5,
          COLOURS.get(methods.indexOf(method) % COLOURS.size()),
          method,
          trajectories.stream()
              .filter(one -> one.method().equals(method))
              .map(one -> String.format(Locale.ROOT, "%.2f", one.meanLoss()))
              .reduce((first, second) -> first + ", " + second)
              .orElse(""));
    }
    return svg.end();
  }

  private void path(Trajectory trajectory, String colour) {
    svg.add("<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colour);
    for (Point point : trajectory.points()) {
      svg.add("%.1f,%.1f ", x(point.x1()), y(point.x2()));
    }
    svg.add("\"/>%n");
    Point start = trajectory.points().getFirst();
    svg.add("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>%n", x(start.x1()), y(start.x2()));
    svg.add(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" fill=\"%s\" font-size=\"22\">&#9733;"
            + "</text>%n",
        x(trajectory.end().x1()), y(trajectory.end().x2()) + 8, colour);
  }

  /** Marching squares over the mean loss, one thin line a level. */
  private void contours() {
    double[][] heights = heights();
    svg.add("<path fill=\"none\" stroke=\"#bbb\" stroke-width=\"0.7\" d=\"");
    for (double level = -16; level <= 12; level += 2) {
      for (int i = 0; i < CELLS; i++) {
        for (int j = 0; j < CELLS; j++) {
          cell(heights, i, j, level);
        }
      }
    }
    svg.add("\"/>%n");
  }

  private static double[][] heights() {
    var first = new Landscape(0);
    var second = new Landscape(1);
    double[] slope = new double[2];
    double[][] heights = new double[CELLS + 1][CELLS + 1];
    for (int i = 0; i <= CELLS; i++) {
      for (int j = 0; j <= CELLS; j++) {
        double[] at = {grid(i), grid(j)};
        heights[i][j] = (first.evaluate(at, slope) + second.evaluate(at, slope)) / 2;
      }
    }
    return heights;
  }

  /** The piece of a contour in one cell: from edge to edge that it crosses. */
  private void cell(double[][] heights, int i, int j, double level) {
    int[][] corners = {{i, j}, {i + 1, j}, {i + 1, j + 1}, {i, j + 1}};
    boolean open = false;
    for (int edge = 0; edge < 4; edge++) {
      int[] from = corners[edge];
      int[] to = corners[(edge + 1) % 4];
      double a = heights[from[0]][from[1]] - level;
      double b = heights[to[0]][to[1]] - level;
      if (a < 0 == b < 0) {
        continue;
      }
      double share = a / (a - b);
      svg.add(
          "%s%.1f %.1f",
          open ? "L" : "M",
          x(grid(from[0]) + share * (grid(to[0]) - grid(from[0]))),
          y(grid(from[1]) + share * (grid(to[1]) - grid(from[1]))));
      open = !open;
    }
  }

  private void line(Point from, Point to, String style) {
    svg.add(
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>%n",
        x(from.x1()), y(from.x2()), x(to.x1()), y(to.x2()), style);
  }

  private static double grid(int index) {
    return -RANGE + 2 * RANGE * index / CELLS;
  }

  private static double x(double x1) {
    return (x1 + RANGE) / (2 * RANGE) * SIZE;
  }

  private static double y(double x2) {
    return (RANGE - x2) / (2 * RANGE) * SIZE;
  }
}
