package io.gradstream.audit.check;

import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.FindingListener;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What an audit has found so far, and its notes on what still holds. Of many findings the first are
 * kept, all are counted. One owner, one thread.
 */
final class Findings implements FindingListener {
  private final List<Finding> first = new ArrayList<>();
  private final SortedMap<Long, Long> byRound = new TreeMap<>();
  private final List<String> notes = new ArrayList<>();
  private long count;
  private long passedOver;

  @Override
  public void add(Finding finding) {
    count++;
    passedOver += finding.kind() == Finding.Kind.ORDER ? 1 : 0;
    byRound.merge(finding.round(), 1L, Long::sum);
    if (first.size() < AuditReport.MAX_FINDINGS) {
      first.add(finding);
    }
  }

  /** Adds a line on what the findings mean for the rest of the log. */
  void note(String line) {
    notes.add(line);
  }

  /** How many there are. */
  long count() {
    return count;
  }

  /** How many there are of records that count, and not only of such that nobody took. */
  long countOfTaken() {
    return count - passedOver;
  }

  /** Whether there are some of a round. */
  boolean concern(long round) {
    return byRound.containsKey(round);
  }

  /** The first {@link AuditReport#MAX_FINDINGS}. */
  List<Finding> first() {
    return List.copyOf(first);
  }

  /** How many there are, by the round that they concern. */
  SortedMap<Long, Long> byRound() {
    return byRound;
  }

  List<String> notes() {
    return notes;
  }
}
