package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A run's rounds as its log tells them, from the first on: what was said, what was decided, and the
 * gradients that it was made of.
 *
 * <p>What is wrong with the records themselves (one is missing, changed, or at another place) goes
 * to the findings; whether they follow from each other is not looked at here. Memory is needed for
 * about one round. One owner, one thread.
 */
public final class LoggedRounds implements AutoCloseable {
  private record Source(int task, int partition) {}

  private final RunDescription run;
  private final FindingListener findings;
  private final DivergenceCheck divergences;
  private final LoggedStatistics statistics;
  private final List<LoggedVerdicts> verdicts = new ArrayList<>();
  private final Map<Source, LoggedGradients> gradients = new HashMap<>();
  private long round;
  private @Nullable Verdict before;
  private @Nullable Verdict current;

  /**
   * Opens a log at its beginning.
   *
   * @param refused places that need not have counted although a fit record lies there
   */
  public LoggedRounds(RunLog log, RefusedRecords refused, FindingListener findings) {
    this.run = log.run();
    this.findings = findings;
    this.statistics = new LoggedStatistics(log, findings);
    final var rules = SlotGradient.Rules.of(run, Recalculation.kernels(run));
    this.divergences = new DivergenceCheck(log, rules, findings);
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      verdicts.add(new LoggedVerdicts(log, partition, findings));
      for (int task = 0; task < run.orderedTasks(); task++) {
        gradients.put(
            new Source(task, partition),
            new LoggedGradients(log, task, partition, rules, refused, findings));
      }
    }
    final boolean whole = verdictsBeginWith(log) && statisticsBeginWith(log);
    this.round = whole ? run.firstRound() : firstKept();
    this.current = round == 0 ? null : taken(round - 1);
  }

  private boolean verdictsBeginWith(RunLog log) {
    return IntStream.range(0, verdicts.size())
        .allMatch(
            partition -> log.start(new TopicPartition(run.topics().verdicts(), partition)) == 0);
  }

  private boolean statisticsBeginWith(RunLog log) {
    return log.start(new TopicPartition(run.topics().statistics(), 0)) == 0;
  }

  /**
   * The round after the first whose verdict all partitions still have, and of which all statistics
   * are there; retention took the rest.
   */
  private long firstKept() {
    final long ofVerdicts =
        verdicts.stream()
            .map(LoggedVerdicts::first)
            .mapToLong(verdict -> verdict == null ? run.spec().rounds() : verdict.getRound() + 1)
            .max()
            .orElseThrow();
    return Math.max(ofVerdicts, statistics.firstWhole());
  }

  /** The verdict that a forked run has taken over, a copy of which begins each partition. */
  private @Nullable Verdict taken(long ofRound) {
    Verdict verdict = null;
    for (final LoggedVerdicts partition : verdicts) {
      final LoggedVerdicts.Copy copy = partition.next(ofRound, null);
      if (copy == null) {
        findings.add(partition.missing(ofRound, "the verdict that the log begins with"));
      } else if (verdict == null) {
        verdict = copy.verdict();
      }
    }
    return verdict;
  }

  /** The round that {@link #next} will tell of. */
  public long round() {
    return round;
  }

  /** The verdict of the round before {@link #round}; null in the first of a run that is no fork. */
  public @Nullable Verdict before() {
    return current;
  }

  /** Whether no verdict comes any more. */
  public boolean ended() {
    return verdicts.stream().allMatch(LoggedVerdicts::ended);
  }

  /** The next round; empty where the log has no more verdicts. */
  public Optional<LoggedRound> next() {
    if (round >= run.spec().rounds()) {
      return Optional.empty(); // what comes then takes nothing away
    }
    final Optional<List<LoggedRound.Statement>> statements = statistics.next(round, current);
    final List<LoggedVerdicts.@Nullable Copy> copies = new ArrayList<>();
    final ByteString digest = current == null ? ByteString.EMPTY : Digests.of(current);
    verdicts.forEach(partition -> copies.add(partition.next(round, digest)));
    final LoggedVerdicts.Copy first =
        copies.stream().filter(Objects::nonNull).findFirst().orElse(null);
    if (first == null || statements.isEmpty()) {
      reportBreak(copies, digest, statements.isPresent());
      return Optional.empty();
    }
    final Verdict verdict = first.verdict();
    for (int partition = 0; partition < copies.size(); partition++) {
      compare(copies.get(partition), verdicts.get(partition), verdict);
    }
    round++;
    before = current;
    current = verdict;
    return Optional.of(new LoggedRound(verdict, first.record(), statements.get()));
  }

  private void compare(
      LoggedVerdicts.@Nullable Copy copy, LoggedVerdicts partition, Verdict verdict) {
    if (copy == null) {
      // The newest verdict may be on its way to some partitions.
      if (!partition.ended() || !ended()) {
        findings.add(partition.missing(round, "the verdict's copy is not there"));
      }
    } else if (!copy.verdict().equals(verdict)) {
      findings.add(
          Difference.between(copy.verdict(), verdict)
              .finding(
                  Finding.Kind.VERDICT,
                  round,
                  copy.record(),
                  "another verdict than on a partition before"));
    }
  }

  /** Says that another verdict than the recorded one was found to be that of the last round. */
  public void correct(Verdict verdict) {
    current = verdict;
  }

  /**
   * A run stops between statistics and verdict; it does not go on without either. A verdict without
   * statistics that does not go on from the last one is somebody's and no sign that the run did.
   */
  private void reportBreak(
      List<LoggedVerdicts.@Nullable Copy> copies, ByteString before, boolean stated) {
    boolean decided = false;
    for (int partition = 0; !stated && partition < copies.size(); partition++) {
      final LoggedVerdicts.Copy copy = copies.get(partition);
      final boolean follows = copy != null && verdicts.get(partition).follows(copy, before);
      decided |= follows;
      if (copy != null && !follows) {
        verdicts.get(partition).reportPassedOver(copy);
      }
    }
    if (!stated && (decided || !statistics.ended())) {
      findings.add(statistics.missing(round));
    } else if (stated && !ended()) {
      findings.add(verdicts.getFirst().missing(round, "the verdict is not there"));
    }
  }

  /**
   * Hands over the gradients of the round that {@link #next} told of last.
   *
   * <p>Of a round that was skipped none was counted; those that it was skipped for are looked at.
   *
   * @return whether all of them were there and fit to be added
   */
  public boolean gradients(LoggedRound logged, CountedGradients target) {
    if (logged.isSkipped()) {
      gradients.values().forEach(source -> source.readNone(logged.verdict(), before));
      logged
          .divergence()
          .ifPresent(statement -> divergences.check(logged.round(), statement, before));
      return false;
    }
    final Map<Source, TreeMap<Long, LoggedGradients.Claim>> claims = new HashMap<>();
    logged
        .products()
        .forEach(
            (index, said) -> {
              final Shard shard = run.manifest().shard(index);
              for (final ShardStatistics.Contribution each :
                  said.products().getContributionsList()) {
                claims
                    .computeIfAbsent(
                        new Source(each.getTask(), shard.partition()), absent -> new TreeMap<>())
                    .put(each.getOffset(), new LoggedGradients.Claim(index, each));
              }
            });
    boolean whole = true;
    for (final var of : claims.entrySet()) {
      final LoggedGradients source = gradients.get(of.getKey());
      whole &= source != null && source.read(of.getValue(), before, logged.verdict(), target);
    }
    return whole;
  }

  /** Reads the verdicts to their end, and finds those that the run cannot have. */
  public void readRest() {
    verdicts.forEach(LoggedVerdicts::readRest);
  }

  /**
   * Reads the gradients to their end.
   *
   * @return who sent fit gradients for slots that other values were counted for, and how many
   */
  public SortedMap<Contradiction, Long> contradictions() {
    final var all = new TreeMap<Contradiction, Long>();
    for (final LoggedGradients each : gradients.values()) {
      each.contradictions(before).forEach((pair, records) -> pair.count(all, records));
    }
    return all;
  }

  @Override
  public void close() {
    statistics.close();
    verdicts.forEach(LoggedVerdicts::close);
    gradients.values().forEach(LoggedGradients::close);
  }
}
