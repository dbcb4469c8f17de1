package io.gradstream.arbitrator.resolver;

/**
 * Why a method had no answer in a round, and what it used instead.
 *
 * @param code the kind of reason, for programs
 * @param reason one line for people: the reason, a colon, what is used instead
 */
public record Fallback(Code code, String reason) {

  /** The kinds of reasons. Verdicts on the log have them, so none may change its meaning. */
  public enum Code {
    /** The method's problem has no solution, or more than one. */
    NO_SOLUTION,
    /** The method's numbers were not finite, or larger than a float32. */
    OVERFLOW,
    /** Losses that the method cannot weigh: zero, negative or at their minimum. */
    LOSSES,
    /** Gradients that the method cannot weigh: zero, or of weight zero. */
    GRADIENTS,
    /** What the method learns was kept within its bounds. */
    BOUNDED
  }
}
