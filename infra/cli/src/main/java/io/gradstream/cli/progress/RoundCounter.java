package io.gradstream.cli.progress;

import java.util.ArrayDeque;

/** Counts in how many rounds a condition held, and in how many of the last hundred. One thread. */
public final class RoundCounter {
  private static final int RECENT = 100;

  private final ArrayDeque<Boolean> recent = new ArrayDeque<>();
  private long all;

  /** The next round. */
  void add(boolean isSo) {
    if (isSo) {
      all++;
    }
    recent.addLast(isSo);
    if (recent.size() > RECENT) {
      recent.removeFirst();
    }
  }

  /** Of all rounds. */
  public long all() {
    return all;
  }

  /** Of the last hundred rounds, or of all where there are fewer. */
  public long recent() {
    return recent.stream().filter(isSo -> isSo).count();
  }

  /** Such as {@code 40 rounds, 12 of the last 100}. */
  String text() {
    return "%d rounds, %d of the last %d".formatted(all, recent(), recent.size());
  }
}
