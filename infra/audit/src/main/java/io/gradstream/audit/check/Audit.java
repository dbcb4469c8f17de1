package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.LocalRounds;
import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.rounds.Difference;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LogCut;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.audit.rounds.LoggedRounds;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.audit.rounds.RefusedRecords;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Computes a run once more from its log and compares everything that it published, bit by bit.
 *
 * <p>Round by round: the gradients that the statistics name are held against their digests and
 * added; the statistics that follow are compared with the recorded ones; on the recorded ones the
 * round is decided once more, and the verdict compared, its digests included; the updates and the
 * weights that follow are compared as well, the seals over the weights included. All of this is done by the classes that the services
 * are made of ({@link Recalculation}). At last updates and weights are read to their end: each must
 * follow from a verdict.
 *
 * <p>The rounds before the first that was asked for are computed too, since momentum and optimizer
 * carry over, but their updates and weights are not compared.
 *
 * <p>After a finding it goes on as far as it can. Where a changed record stands alone, what follows
 * is held against what was computed in its place. Where a counted gradient is lost or changed, sums
 * and momentum are lost with it; from there on digests, decisions and steps of the optimizer are
 * still held against what is recorded.
 *
 * <p>One use, one thread; memory for the vectors of the model and one round's records.
 */
public final class Audit implements AutoCloseable {
  private final LogCut log;
  private final RunDescription run;
  private final Demands demands;
  private final boolean reachesBack;
  private final long first;
  private final List<Finding> findings = new ArrayList<>();
  private final SortedMap<Long, Long> broken = new TreeMap<>();
  private final List<String> notes = new ArrayList<>();
  private final RefusedRecords refused;
  private final LoggedRounds rounds;
  private final PublishedShards published;
  private final Recalculation recalculation;
  private final Contributions contributions;
  private final @Nullable Recomputation recomputation;
  private SortedMap<String, Long> contradictions = new TreeMap<>();
  private @Nullable Verdict before;
  private boolean summing = true;
  private boolean stepping = true;
  private long found;
  private long compared;

  /**
   * @param log is cut where it stands now, so that a run that goes on can be audited
   * @param recomputation computes a share of the gradients as well; null for none
   */
  public Audit(RunLog log, Demands demands, @Nullable Recomputation recomputation) {
    this.log = LogCut.of(log);
    this.run = log.run();
    this.demands = demands;
    this.refused = RefusedRecords.read(this.log);
    this.rounds = new LoggedRounds(this.log, refused, this::add);
    this.before = rounds.before();
    this.reachesBack = rounds.round() == run.firstRound() && reachesBack(run.topics().updates());
    this.first = Math.max(demands.first(), rounds.round());
    this.recalculation = new Recalculation(run, PartitionState.begun(this.log));
    this.recomputation = recomputation;
    this.contributions = new Contributions(run.manifest());
    this.published = new PublishedShards(this.log, this::add);
    if (recomputation != null) {
      this.log.last().map(Digests::of).ifPresent(recomputation::drawBy);
    }
  }

  private boolean reachesBack(String topic) {
    return IntStream.range(0, run.manifest().partitions())
        .allMatch(partition -> log.start(new TopicPartition(topic, partition)) == 0);
  }

  private void add(Finding finding) {
    found++;
    broken.merge(finding.round(), 1L, Long::sum);
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
        while (rounds.round() <= demands.last() && next()) {
          progress.accept(rounds.round());
        }
        if (demands.toTheEnd()) {
          published.readRest(rounds.round());
          contradictions = rounds.contradictions();
        }
      }
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("a record that was computed here is malformed", e);
    }
    final ByteString head = before == null ? ByteString.EMPTY : Digests.of(before);
    demand(head);
    return new AuditReport(
        first,
        compared,
        run.spec().rounds(),
        List.copyOf(findings),
        found,
        broken,
        notes,
        contributions.shares(),
        refused.byWorker(),
        contradictions,
        published.weightsCompared(),
        published.weightsGone(),
        published.sealsCompared(),
        head,
        stepping ? recalculation.sha256() : "",
        recomputation == null ? new TreeMap<>() : recomputation.tallies());
  }

  private void demand(ByteString head) {
    final var verdicts = new TopicPartition(run.topics().verdicts(), 0);
    if (!demands.expected().isEmpty() && !demands.expected().equals(head)) {
      add(
          new Finding(
              Finding.Kind.VERDICT,
              rounds.round() - 1,
              verdicts,
              Finding.NOWHERE,
              "the last verdict is not the expected one",
              BeginningCheck.hex(head),
              BeginningCheck.hex(demands.expected())));
    }
    if (demands.complete() && rounds.round() < run.spec().rounds()) {
      add(
          Finding.of(
              Finding.Kind.MISSING,
              rounds.round(),
              verdicts,
              Finding.NOWHERE,
              "the run is not complete: it has %d of %d rounds"
                  .formatted(rounds.round(), run.spec().rounds())));
    }
  }

  /** Takes the weights to start from; false if they are not there or cannot be. */
  private boolean start() throws MalformedRecordException {
    final long soFar = found;
    if (!reachesBack) {
      summing = false;
      stepping = false;
      notes.add(
          "the log no longer reaches back to the beginning: from round %d on, digests and decisions are held against what is recorded, sums and weights are not computed"
              .formatted(rounds.round()));
      return true;
    }
    BeginningCheck.of(log).forEach(this::add);
    if (run.origin().isEmpty()) {
      for (final LogRecord initial : published.initial().values()) {
        recalculation.initialize(initial.bytes());
      }
    }
    if (found > soFar) {
      return false;
    }
    if (first == run.firstRound()) {
      published.compareWeights(
          first, before == null ? run.digest() : Digests.of(before), recalculation);
    }
    return true;
  }

  /** Audits a round; false if the log ends. */
  private boolean next() throws MalformedRecordException {
    final long soFar = found;
    final LoggedRound logged = rounds.next().orElse(null);
    if (logged == null) {
      return false;
    }
    final boolean whole = rounds.gradients(logged, this::count);
    final boolean sums = summing && whole && recalculation.rounds().complete();
    if (summing && !sums) {
      loseSums(logged, soFar);
    }
    final SortedMap<Integer, LogRecord> recorded = published.updates(logged.round());
    final Verdict verdict = decide(logged, sums, recorded);
    if (sums && recomputation != null) {
      recomputation.check(logged.round(), recalculation).forEach(this::add);
    }
    take(logged.round(), verdict, recorded);
    if (logged.round() >= first) {
      compared++;
    }
    before = verdict;
    return true;
  }

  private void count(SlotGradient gradient, LogRecord record) {
    contributions.add(gradient);
    final LocalRounds open = recalculation.rounds();
    final int task = gradient.report().getTask();
    final int slot = gradient.report().getSlot();
    if (summing
        && open.statusOf(gradient.round(), gradient.shard(), task, slot)
            == PartitionRound.SlotStatus.NEXT) {
      recalculation.add(gradient, record);
      if (recomputation != null && gradient.round() >= first) {
        recomputation.add(gradient, record);
      }
    }
  }

  private void loseSums(LoggedRound logged, long soFar) {
    summing = false;
    if (found == soFar) {
      add(
          Finding.of(
              Finding.Kind.STATISTICS,
              logged.round(),
              logged.statements().getLast().record(),
              "the gradients that the statistics name are not all that the round asks for"));
    }
    notes.add(
        "from round %d on sums are not computed; digests, decisions and steps are held against what is recorded"
            .formatted(logged.round()));
  }

  /** Compares statistics and verdict, and tells the verdict that what follows is held against. */
  private Verdict decide(LoggedRound logged, boolean sums, SortedMap<Integer, LogRecord> updates) {
    final List<Finding> misstated =
        sums ? StatisticsComparison.of(logged, recalculation.rounds().statistics()) : List.of();
    misstated.forEach(this::add);
    final Verdict recorded = logged.verdict();
    if (recorded.equals(onRecorded(logged))) {
      if (!sums && broken.containsKey(logged.round())) {
        notes.add(
            "round %d: statistics and verdict agree; the odd one out is the gradient"
                .formatted(logged.round()));
      }
      return recorded;
    }
    final Verdict own = sums ? onComputed(logged) : onRecorded(logged);
    if (own != null && recorded.equals(own)) {
      notes.add(
          "round %d: gradients and verdict agree; the odd one out is the statistics"
              .formatted(logged.round()));
      return recorded;
    }
    if (own != null && PublishedShards.follow(updates, Digests.of(own))) {
      reportVerdict(logged, Difference.between(recorded, own));
      notes.add(
          "round %d: what comes after follows the verdict that was computed; the odd one out is the recorded one"
              .formatted(logged.round()));
      rounds.correct(own);
      return own;
    }
    if (own != null && !own.getContributions().equals(recorded.getContributions())) {
      reportVerdict(
          logged,
          Difference.between(
              recorded, recorded.toBuilder().setContributions(own.getContributions()).build()));
      if (summing) {
        loseSums(logged, found - 1);
      }
      return recorded;
    }
    if (own != null) {
      reportVerdict(logged, Difference.between(recorded, own));
    }
    if (summing && (own == null || !sameShape(recorded, own))) {
      loseSums(logged, found - 1);
    }
    return recorded;
  }

  private void reportVerdict(LoggedRound logged, Difference difference) {
    add(difference.finding(Finding.Kind.VERDICT, logged.round(), logged.source(), "the verdict"));
  }

  /** Whether partitions can close their rounds by one verdict as by the other. */
  private static boolean sameShape(Verdict one, Verdict other) {
    return one.getScalarized() == other.getScalarized()
        && one.getSharedCoefficientsCount() == other.getSharedCoefficientsCount()
        && one.getOwnCoefficientsCount() == other.getOwnCoefficientsCount()
        && one.getCalibration().getKeepCount() == other.getCalibration().getKeepCount()
        && one.getCalibration().getTakeCount() == other.getCalibration().getTakeCount()
        && one.getCalibration().getDirectCount() == other.getCalibration().getDirectCount()
        && one.getCalibration().getRememberedCount() == other.getCalibration().getRememberedCount();
  }

  /** The verdict on the recorded statistics; null if they are none to decide on. */
  private @Nullable Verdict onRecorded(LoggedRound logged) {
    recalculation.rounds().decideAfter(before);
    Verdict own = null;
    for (final LoggedRound.Statement statement : logged.statements()) {
      if (recalculation.rounds().fits(statement.statistics())) {
        own =
            recalculation
                .rounds()
                .decide(statement.statistics(), statement.record().offset())
                .orElse(own);
      }
    }
    return own;
  }

  /**
   * The verdict on the statistics that were computed, as if they lay where the recorded ones do.
   */
  private @Nullable Verdict onComputed(LoggedRound logged) {
    recalculation.rounds().decideAfter(before);
    final SortedMap<Integer, LoggedRound.Said> said = logged.products();
    final Map<Long, ShardStatistics> places = new TreeMap<>();
    for (final ShardStatistics own : recalculation.rounds().statistics()) {
      final LoggedRound.Said there =
          own.getShardsCount() == 0 ? null : said.get(own.getShards(0).getShard());
      if (there != null) {
        places.put(there.record().offset(), own);
      }
    }
    Verdict verdict = null;
    for (final var place : places.entrySet()) {
      verdict = recalculation.rounds().decide(place.getValue(), place.getKey()).orElse(verdict);
    }
    return verdict;
  }

  /** Compares the round's updates, takes its step, and compares the weights. */
  private void take(long round, Verdict verdict, SortedMap<Integer, LogRecord> recorded)
      throws MalformedRecordException {
    final SortedMap<Integer, byte[]> update = new TreeMap<>();
    if (summing) {
      update.putAll(recalculation.rounds().close(verdict));
      if (round >= first) {
        published.compareUpdates(round, recorded, update);
      }
    } else {
      published.checkUpdates(round, recorded, Digests.of(verdict));
      recorded.forEach((shard, record) -> update.put(shard, record.bytes()));
    }
    if (stepping) {
      stepping = update.size() == run.manifest().shards().size() && step(round, update);
    }
    if (stepping && round >= first) {
      published.compareWeights(round + 1, Digests.of(verdict), recalculation);
    }
  }

  private boolean step(long round, SortedMap<Integer, byte[]> update)
      throws MalformedRecordException {
    try {
      recalculation.apply(update);
      return true;
    } catch (MalformedRecordException | IllegalArgumentException e) {
      if (summing) {
        throw e;
      }
      notes.add("from version %d on the weights cannot be computed".formatted(round + 1));
      return false;
    }
  }

  @Override
  public void close() {
    rounds.close();
    published.close();
  }
}
