package io.gradstream.cli;

/** Text from elsewhere (names that workers give themselves, topics), fit for a terminal. */
public final class Printable {
  private Printable() {}

  /** The text with control characters, which could move the cursor or hide lines, as escapes. */
  public static String of(String text) {
    final var safe = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            point -> {
              if (Character.isISOControl(point) || Character.getType(point) == Character.FORMAT) {
                safe.append("\\u%04x".formatted(point));
              } else {
                safe.appendCodePoint(point);
              }
            });
    return safe.toString();
  }
}
