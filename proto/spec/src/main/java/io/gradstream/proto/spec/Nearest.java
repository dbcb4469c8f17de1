package io.gradstream.proto.spec;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds what someone who mistyped a name probably meant. */
public final class Nearest {
  private Nearest() {}

  /**
   * {@code "; did you mean "x"? Known: x, y"}, without the question if nothing is near, ready to
   * follow a statement that the name is unknown.
   */
  static String hint(String name, Collection<String> known) {
    if (known.isEmpty()) {
      return "; nothing can be set here";
    }
    final var all = String.join(", ", known);
    return of(name, known)
        .map(nearest -> "; did you mean \"" + nearest + "\"? Known: " + all)
        .orElse("; known: " + all);
  }

  /** The known name that a mistyped one is nearest to; empty if none is near. */
  public static Optional<String> of(String name, Collection<String> known) {
    return known.stream()
        .filter(candidate -> isNear(name, candidate))
        .min(Comparator.comparingInt(candidate -> distance(name, candidate)));
  }

  /** Near enough to be a slip: a third of the letters at most, and always one of a short word. */
  static boolean isNear(String name, String candidate) {
    return distance(name, candidate)
        <= Math.max(1, Math.max(name.length(), candidate.length()) / 3);
  }

  /** Optimal string alignment: insertions, deletions, substitutions and swapped neighbours. */
  private static int distance(String a, String b) {
    final var d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        final int cost = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + cost);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
