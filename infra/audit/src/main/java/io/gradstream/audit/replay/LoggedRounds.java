package io.gradstream.audit.replay;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.Transport;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
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
    this.statistics = new LoggedStatistics(log, this::gap, findings);
    final var rules = SlotGradient.Rules.of(run, ReplayKernels.of(run));
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      verdicts.add(new LoggedVerdicts(log, partition, this::gap, findings));
      for (int task = 0; task < run.orderedTasks(); task++) {
        gradients.put(
            new Source(task, partition),
            new LoggedGradients(log, task, partition, rules, refused, findings));
      }
    }
    this.round = run.firstRound();
    this.current = round == 0 ? null : taken(round - 1);
  }

  /** The verdict that a forked run has taken over, a copy of which begins each partition. */
  private @Nullable Verdict taken(long ofRound) {
    Verdict verdict = null;
    for (final LoggedVerdicts partition : verdicts) {
      final LoggedVerdicts.Copy copy = partition.next(ofRound);
      if (copy == null) {
        findings.add(missing(partition.partition(), "the verdict that the fork begins with"));
      } else if (verdict == null) {
        verdict = copy.verdict();
      }
    }
    return verdict;
  }

  /** Transactions leave markers, which take an offset each; else every offset has its record. */
  private void gap(TopicPartition partition, long first, long next) {
    if (first == 0 || run.spec().transport().processing() != Transport.Processing.EXACTLY_ONCE_V2) {
      findings.add(FindingListener.gap(round, partition, first, next));
    }
  }

  /** The round that {@link #next} will tell of. */
  public long round() {
    return round;
  }

  /** Whether no verdict comes any more. */
  public boolean ended() {
    return verdicts.getFirst().ended();
  }

  /** The next round; empty where the log has no more verdicts. */
  public Optional<LoggedRound> next() {
    final Optional<List<LoggedRound.Statement>> statements = statistics.next(round);
    final LoggedVerdicts.Copy first = verdicts.getFirst().next(round);
    if (first == null || statements.isEmpty()) {
      reportBreak(first, statements.isPresent());
      return Optional.empty();
    }
    final Verdict verdict = first.verdict();
    final ByteString digest = Digests.of(verdict);
    for (final LoggedVerdicts others : verdicts.subList(1, verdicts.size())) {
      final LoggedVerdicts.Copy copy = others.next(round);
      if (copy == null) {
        // The newest verdict may be on its way to some partitions.
        if (!others.ended() || !verdicts.getFirst().ended()) {
          findings.add(missing(others.partition(), "the verdict's copy is not there"));
        }
      } else if (!Digests.of(copy.verdict()).equals(digest)) {
        findings.add(
            Difference.between(copy.verdict(), verdict)
                .finding(
                    Finding.Kind.VERDICT,
                    round,
                    copy.record(),
                    "another verdict than on partition 0"));
      }
    }
    round++;
    before = current;
    current = verdict;
    return Optional.of(new LoggedRound(verdict, first.record(), statements.get()));
  }

  /** A run stops between statistics and verdict; it does not go on without either. */
  private void reportBreak(LoggedVerdicts.@Nullable Copy verdict, boolean stated) {
    if (!stated && (verdict != null || !statistics.ended())) {
      findings.add(missing(statistics.partition(), "statistics of the round are not there"));
    } else if (stated && !verdicts.getFirst().ended()) {
      findings.add(missing(verdicts.getFirst().partition(), "the verdict is not there"));
    }
  }

  private Finding missing(TopicPartition where, String what) {
    return Finding.of(Finding.Kind.MISSING, round, where, Finding.NOWHERE, what);
  }

  /**
   * Hands over the gradients of the round that {@link #next} told of last.
   *
   * @return whether all of them were there and fit to be added
   */
  public boolean gradients(LoggedRound logged, CountedGradients target) {
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
      whole &= source != null && source.read(logged.round(), of.getValue(), before, target);
    }
    return whole;
  }

  @Override
  public void close() {
    statistics.close();
    verdicts.forEach(LoggedVerdicts::close);
    gradients.values().forEach(LoggedGradients::close);
  }
}
