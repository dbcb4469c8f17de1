package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.audit.replay.Difference;
import io.gradstream.audit.replay.Finding;
import io.gradstream.audit.replay.LoggedRound;
import io.gradstream.audit.replay.LoggedRounds;
import io.gradstream.audit.replay.LoggedShards;
import io.gradstream.audit.replay.Recalculation;
import io.gradstream.audit.replay.RefusedRecords;
import io.gradstream.audit.state.PartitionState;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Computes a run once more from its log and compares everything that it published, bit by bit.
 *
 * <p>Round by round: the gradients that the statistics name are held against their digests and
 * added; the statistics that follow are compared with the recorded ones; on the recorded ones the
 * round is decided once more, and the verdict compared, its digests included; the updates and the
 * weights that follow are compared as well. All of this is done by the classes that the services
 * are made of ({@link Recalculation}).
 *
 * <p>The rounds before the first that was asked for are computed too, since momentum and optimizer
 * carry over, but their updates and weights are not compared. After a round whose gradients,
 * statistics or verdict are wrong nothing later can be compared, and the audit ends.
 *
 * <p>One use, one thread; memory for the vectors of the model and one round's records.
 */
public final class Audit implements AutoCloseable {
  private final RunLog log;
  private final RunDescription run;
  private final long first;
  private final long last;
  private final List<Finding> findings = new ArrayList<>();
  private final RefusedRecords refused;
  private final LoggedRounds rounds;
  private final List<LoggedShards> updates = new ArrayList<>();
  private final List<LoggedShards> weights = new ArrayList<>();
  private final Recalculation recalculation;
  private final ShardComparison comparison;
  private final Contributions contributions;
  private final @Nullable Recomputation recomputation;
  private long found;
  private long compared;
  private long weightsCompared;
  private long weightsGone;
  private ByteString head = ByteString.EMPTY;

  /**
   * @param first the first round to compare
   * @param last the last one, if the log has it
   * @param recomputation computes a share of the gradients as well; null for none
   */
  public Audit(RunLog log, long first, long last, @Nullable Recomputation recomputation) {
    this.log = log;
    this.run = log.run();
    this.first = Math.max(first, run.firstRound());
    this.last = last;
    this.refused = RefusedRecords.read(log);
    this.rounds = new LoggedRounds(log, refused, this::add);
    this.recalculation = new Recalculation(run, PartitionState.begun(log));
    this.comparison = new ShardComparison(run);
    this.recomputation = recomputation;
    this.contributions = new Contributions(run.manifest());
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      updates.add(LoggedShards.updates(log, partition, this::add));
      weights.add(LoggedShards.weights(log, partition, this::add));
    }
  }

  private void add(Finding finding) {
    found++;
    if (findings.size() < AuditReport.MAX_FINDINGS) {
      findings.add(finding);
    }
  }

  /**
   * Does the audit.
   *
   * @param progress told of each round that has been computed
   */
  public AuditReport run(LongConsumer progress) {
    try {
      if (start()) {
        while (rounds.round() <= last && next()) {
          progress.accept(rounds.round());
        }
      }
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("a record that was computed here is malformed", e);
    }
    return new AuditReport(
        first,
        compared,
        run.spec().rounds(),
        List.copyOf(findings),
        found,
        contributions.shares(),
        refused.byWorker(),
        weightsCompared,
        weightsGone,
        head,
        recalculation.sha256(),
        recomputation == null ? new TreeMap<>() : recomputation.tallies());
  }

  /** Takes the weights to start from; false if they are not there or cannot be. */
  private boolean start() throws MalformedRecordException {
    final long before = found;
    BeginningCheck.of(log).forEach(this::add);
    if (run.origin().isPresent()) {
      if (found == before && first <= run.firstRound()) {
        compareWeights(run.firstRound());
      }
      return found == before;
    }
    for (final LoggedShards partition : updates) {
      final SortedMap<Integer, LogRecord> initial = partition.next(LoggedShards.INITIAL);
      requireAll(partition, initial, LoggedShards.INITIAL, Finding.Kind.UPDATE);
      for (final Map.Entry<Integer, LogRecord> entry : initial.entrySet()) {
        comparison.initial(entry.getValue()).ifPresent(this::add);
        recalculation.initialize(entry.getValue().bytes());
      }
    }
    if (found > before) {
      return false;
    }
    if (first == 0) {
      compareWeights(0);
    }
    return true;
  }

  /** Audits a round; false if the log or what can be said of it ends. */
  private boolean next() throws MalformedRecordException {
    final long before = found;
    final LoggedRound logged = rounds.next().orElse(null);
    if (logged == null) {
      return false;
    }
    final boolean whole =
        rounds.gradients(
            logged,
            (gradient, record) -> {
              contributions.add(gradient);
              recalculation.add(gradient, record);
              if (recomputation != null && logged.round() >= first) {
                recomputation.add(gradient, record);
              }
            });
    if (!whole || !recalculation.rounds().complete()) {
      reportIncomplete(logged, before);
      return false;
    }
    final List<Finding> misstated =
        StatisticsComparison.of(logged, recalculation.rounds().statistics());
    misstated.forEach(this::add);
    final Verdict verdict = decide(logged);
    if (!misstated.isEmpty() || verdict == null || !logged.verdict().equals(verdict)) {
      return false;
    }
    if (recomputation != null) {
      recomputation.check(logged.round(), recalculation).forEach(this::add);
    }
    final SortedMap<Integer, byte[]> update = recalculation.rounds().close(verdict);
    recalculation.apply(update);
    if (logged.round() >= first) {
      compareUpdates(logged.round(), update);
      compareWeights(logged.round() + 1);
      compared++;
    }
    head = Digests.of(verdict);
    return true;
  }

  private void reportIncomplete(LoggedRound logged, long before) {
    if (found == before) {
      final LoggedRound.Statement last = logged.statements().getLast();
      add(
          Finding.of(
              Finding.Kind.STATISTICS,
              logged.round(),
              last.record(),
              "the gradients that the statistics name are not all that the round asks for"));
    }
  }

  /** Decides on what was recorded, and compares; null if there is no verdict. */
  private @Nullable Verdict decide(LoggedRound logged) {
    Optional<Verdict> own = Optional.empty();
    for (final LoggedRound.Statement statement : logged.statements()) {
      own = recalculation.rounds().decide(statement.statistics(), statement.record().offset());
    }
    own.ifPresent(
        verdict -> {
          if (!logged.verdict().equals(verdict)) {
            add(
                Difference.between(logged.verdict(), verdict)
                    .finding(Finding.Kind.VERDICT, logged.round(), logged.source(), "the verdict"));
          }
        });
    return own.orElse(null);
  }

  private void compareUpdates(long round, SortedMap<Integer, byte[]> own) {
    for (final LoggedShards partition : updates) {
      final SortedMap<Integer, LogRecord> recorded = partition.next(round);
      requireAll(partition, recorded, round, Finding.Kind.UPDATE);
      recorded.forEach(
          (shard, record) ->
              comparison
                  .update(round, record, own.getOrDefault(shard, new byte[0]))
                  .ifPresent(this::add));
    }
  }

  private void compareWeights(long version) {
    for (final LoggedShards partition : weights) {
      final SortedMap<Integer, LogRecord> recorded = partition.next(version);
      if (partition.compacted()) {
        weightsGone += partition.shards().size() - recorded.size();
      } else {
        requireAll(partition, recorded, version, Finding.Kind.WEIGHTS);
      }
      recorded.forEach(
          (shard, record) ->
              comparison
                  .weights(
                      Math.max(0, version - 1),
                      record,
                      recalculation.weights(run.manifest().shard(shard)))
                  .ifPresent(this::add));
      weightsCompared += recorded.size();
    }
  }

  /** Only of the newest round of a run that is not over may something be on its way. */
  private void requireAll(
      LoggedShards partition, SortedMap<Integer, LogRecord> there, long number, Finding.Kind kind) {
    if (there.size() == partition.shards().size()
        || (partition.ended() && number < run.spec().rounds() - 1 && rounds.ended())) {
      return;
    }
    for (final Shard shard : partition.shards()) {
      if (!there.containsKey(shard.index())) {
        add(
            Finding.of(
                Finding.Kind.MISSING,
                number,
                partition.partition(),
                Finding.NOWHERE,
                (kind == Finding.Kind.UPDATE ? "the update" : "the weights")
                    + " of shard "
                    + shard.index()
                    + " are not there"));
      }
    }
  }

  @Override
  public void close() {
    rounds.close();
    updates.forEach(LoggedShards::close);
    weights.forEach(LoggedShards::close);
  }
}
