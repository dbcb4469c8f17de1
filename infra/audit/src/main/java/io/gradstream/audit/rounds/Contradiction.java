package io.gradstream.audit.rounds;

import java.util.Comparator;
import java.util.SortedMap;

/**
 * Two workers' gradients of the same slots with different values.
 *
 * @param worker whose came later, and did not count
 * @param counted whose counted
 */
public record Contradiction(String worker, String counted) implements Comparable<Contradiction> {
  /** Stands for both where there are more pairs than are told apart. */
  public static final Contradiction OF_OTHERS = new Contradiction("other workers", "others");

  private static final int MOST = 1_000;

  private static final Comparator<Contradiction> ORDER =
      Comparator.comparing(Contradiction::worker).thenComparing(Contradiction::counted);

  /** Counts some; names are the senders' choice, so of very many pairs the rest is one. */
  void count(SortedMap<Contradiction, Long> all, long records) {
    all.merge(all.size() < MOST || all.containsKey(this) ? this : OF_OTHERS, records, Long::sum);
  }

  @Override
  public int compareTo(Contradiction other) {
    return ORDER.compare(this, other);
  }
}
