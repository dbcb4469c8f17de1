package io.gradstream.arbitrator.resolver;

/**
 * One pair of tasks whose conflict was resolved.
 *
 * @param first the lower task index of the pair
 * @param second the higher one
 * @param cosine their cosine before
 * @param zone how strong the conflict was
 * @param winner the task that won, or {@link #NOBODY} where both gave way alike
 * @param firstScore score of the first task, 0 where no winner was looked for
 * @param secondScore score of the second task
 * @param forced whether the other task won only because one had won too often in a row
 * @param group the group whose gradients they are, from 0
 */
public record Arbitration(
    int first,
    int second,
    double cosine,
    Zone zone,
    int winner,
    double firstScore,
    double secondScore,
    boolean forced,
    int group) {

  /** A pair of the first group, which is the only one unless a run has several. */
  Arbitration(
      int first,
      int second,
      double cosine,
      Zone zone,
      int winner,
      double firstScore,
      double secondScore,
      boolean forced) {
    this(first, second, cosine, zone, winner, firstScore, secondScore, forced, 0);
  }

  /** The winner where both tasks give way alike. */
  public static final int NOBODY = -1;

  /** The same pair of another group. */
  Arbitration inGroup(int other) {
    return new Arbitration(
        first, second, cosine, zone, winner, firstScore, secondScore, forced, other);
  }
}
