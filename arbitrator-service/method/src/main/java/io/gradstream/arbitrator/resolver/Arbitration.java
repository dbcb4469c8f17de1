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
 */
public record Arbitration(
    int first,
    int second,
    double cosine,
    Zone zone,
    int winner,
    double firstScore,
    double secondScore,
    boolean forced) {

  /** The winner where both tasks give way alike. */
  public static final int NOBODY = -1;
}
