package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.audit.rounds.Contradiction;
import io.gradstream.audit.rounds.Finding;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * The result of an audit.
 *
 * @param first the first round that was compared
 * @param rounds how many rounds were looked at
 * @param planned how many rounds the run is to have
 * @param findings what is wrong: first with what decides weights (gradients, statistics, verdicts,
 *     updates, weights, seals), then with what decides nothing (records that nobody took,
 *     validation losses), each in the order in which it was found. At most {@link #MAX_FINDINGS} of
 *     either sort, and the first hundred of each kind and topic
 * @param found how many findings there were
 * @param groups how many there were, by kind and topic, in the order of the findings
 * @param broken the rounds that have findings on what decides weights, and how many
 * @param notes what the findings say about what is still proven, and which record is the odd one
 *     out
 * @param contributions per worker and index of the task
 * @param arithmetics per fingerprint of the arithmetic and worker, how many slots were computed
 * @param refused dead letters per worker
 * @param contradictions who sent gradients of slots that other values had been counted for, and how
 *     many
 * @param weightsCompared versions of shards of the weights that were compared
 * @param weightsGone versions of shards that were compacted away
 * @param sealsCompared versions of partitions of the weights whose seals were compared
 * @param validationsCompared records of validation losses that name the weights that were computed
 * @param head digest of the last verdict that was compared; empty if there was none
 * @param weights SHA-256 of the weights after the last round; empty if they could not be computed
 * @param recomputed per worker, the result of computing some of its gradients once more
 */
public record AuditReport(
    long first,
    long rounds,
    long planned,
    List<Finding> findings,
    long found,
    SortedMap<Group, Long> groups,
    SortedMap<Long, Long> broken,
    List<String> notes,
    SortedMap<String, SortedMap<Integer, Contributions.Share>> contributions,
    SortedMap<Long, SortedMap<String, Long>> arithmetics,
    Map<String, Long> refused,
    SortedMap<Contradiction, Long> contradictions,
    long weightsCompared,
    long weightsGone,
    long sealsCompared,
    long validationsCompared,
    ByteString head,
    String weights,
    SortedMap<String, WorkerSpotCheck.Tally> recomputed) {
  /**
   * Most findings that are kept of either sort, since one mistake at the beginning may have many
   * consequences.
   */
  public static final int MAX_FINDINGS = 10_000;

  /** Findings of one kind on one topic. */
  public record Group(Finding.Kind kind, String topic) {}

  /** Whether nothing is wrong. */
  public boolean clean() {
    return found == 0;
  }
}
