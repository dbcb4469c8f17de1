package io.gradstream.audit.svg;

import java.util.Locale;

/**
 * An SVG picture in the making, on white, in lines of text. Numbers are written alike in every
 * locale. One owner, one thread.
 */
public final class Svg {
  private final StringBuilder svg = new StringBuilder();

  /**
   * Begins a picture.
   *
   * @param width in pixels where nobody scales it
   * @param fontSize in pixels
   */
  public Svg(int width, int height, int fontSize) {
    line(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
            + " font-family=\"sans-serif\" font-size=\"%d\">",
        width, height, fontSize);
    line("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>", width, height);
  }

  /** Appends something, formatted. */
  public Svg add(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
    return this;
  }

  /** Appends a line, formatted. */
  public Svg line(String format, Object... values) {
    return add(format, values).add("%n");
  }

  /**
   * Writes words.
   *
   * @param anchor start, middle or end: what of the words lies at x
   * @param style further attributes, such as {@code fill="#444"}
   */
  public Svg text(double x, double y, String anchor, String style, String words) {
    return line(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>",
        x, y, anchor, style, words.replace("&", "&amp;").replace("<", "&lt;"));
  }

  /** The whole picture. */
  public String end() {
    return svg.append("</svg>\n").toString();
  }
}
