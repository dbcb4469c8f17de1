package io.gradstream.arbitrator.resolver;

import java.util.Locale;

/**
 * How strong a conflict is, in GCond's words: three zones of its smooth mode, three of its stepwise
 * one.
 */
public enum Zone {
  /** Smooth: both give way alike, from nothing at no conflict to a full projection. */
  MILD,
  /** Smooth: the loser is projected, and less so the more the conflict nears the critical one. */
  MODERATE,
  /**
   * Smooth: the loser is projected in full, and the winner is not changed. Stepwise: the loser is
   * projected, or dropped as in the public code.
   */
  CRITICAL,
  /** Stepwise: both give way alike, and no winner is looked for. */
  WEAK,
  /** Stepwise: the loser is projected. */
  MAIN,
  /** Hard projections: both give way alike at any angle, as in PCGrad. */
  HARD;

  /** The name in records and messages. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
