package io.gradstream.audit.check;

import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.FindingListener;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What an audit has found so far, and its notes on what still holds. All findings are counted, by
 * kind and topic. Of those on what decides weights the first are kept, and as many of the others,
 * so that a flood of records that nobody took hides nothing. One owner, one thread.
 */
final class Findings implements FindingListener {
  /** So many of a kind and topic are kept however many of others came before. */
  private static final int KEPT_OF_EACH = 100;

  private final Demands demands;
  private final long rounds;
  private final List<Finding> deciding = new ArrayList<>();
  private final List<Finding> others = new ArrayList<>();
  private final SortedMap<AuditReport.Group, Long> groups =
      new TreeMap<>(
          Comparator.comparing((AuditReport.Group group) -> !decides(group.kind()))
              .thenComparing(AuditReport.Group::kind)
              .thenComparing(AuditReport.Group::topic));
  private final SortedMap<Long, Long> byRound = new TreeMap<>();
  private final List<String> notes = new ArrayList<>();
  private long count;
  private long passedOver;
  private long elsewhere;

  /**
   * @param rounds how many the run is to have
   */
  Findings(Demands demands, long rounds) {
    this.demands = demands;
    this.rounds = rounds;
  }

  /** Whether a finding of a kind is about what decides weights. */
  private static boolean decides(Finding.Kind kind) {
    return kind != Finding.Kind.ORDER && kind != Finding.Kind.VALIDATION;
  }

  @Override
  public void add(Finding finding) {
    final boolean deciding = decides(finding.kind());
    if (!deciding && (finding.round() < demands.first() || finding.round() > demands.last())) {
      elsewhere++;
      return;
    }
    count++;
    passedOver += finding.kind() == Finding.Kind.ORDER ? 1 : 0;
    if (deciding && finding.round() >= 0 && finding.round() < rounds) {
      byRound.merge(finding.round(), 1L, Long::sum);
    }
    final List<Finding> kept = deciding ? this.deciding : others;
    final long ofGroup =
        groups.merge(new AuditReport.Group(finding.kind(), finding.where().topic()), 1L, Long::sum);
    if (kept.size() < AuditReport.MAX_FINDINGS || ofGroup <= KEPT_OF_EACH) {
      kept.add(finding);
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

  /** Whether there are some of a round on what decides weights. */
  boolean concern(long round) {
    return byRound.containsKey(round);
  }

  /** Those that were kept; the ones on what decides weights come first. */
  List<Finding> kept() {
    return Stream.concat(deciding.stream(), others.stream()).toList();
  }

  /** How many there are, by kind and topic. */
  SortedMap<AuditReport.Group, Long> groups() {
    return groups;
  }

  /** How many there are on what decides weights, by the round that they concern. */
  SortedMap<Long, Long> byRound() {
    return byRound;
  }

  /** Notes, with one on what was left out since it concerns other rounds. */
  List<String> notes() {
    final var all = new ArrayList<>(notes);
    if (elsewhere > 0) {
      all.add(
          "%d findings are left out: they are on records of other rounds that decide nothing"
              .formatted(elsewhere));
    }
    return all;
  }
}
