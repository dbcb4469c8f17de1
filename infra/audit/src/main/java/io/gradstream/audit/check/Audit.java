package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.LocalRounds;
import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.rounds.Contradiction;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LogCut;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.audit.rounds.LoggedRounds;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.audit.rounds.RefusedRecords;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.run.RunPlugins;
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
 * weights that follow are compared as well, the seals over the weights included. All of this is
 * done by the classes that the services are made of ({@link Recalculation}). At last updates and
 * weights are read to their end: each must follow from a verdict. Validation losses are held
 * against their digests, the losses before them, and the weights that they are said to be of.
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
  private final Findings findings;
  private final RefusedRecords refused;
  private final LoggedRounds rounds;
  private final PublishedShards published;
  private final Recalculation recalculation;
  private final DecisionCheck decisions;
  private final Contributions contributions;
  private final ValidationCheck validations;
  private final @Nullable WorkerSpotCheck spotCheck;
  private SortedMap<Contradiction, Long> contradictions = new TreeMap<>();
  private @Nullable Verdict before;
  private boolean summing = true;
  private boolean stepping = true;
  private long compared;
  private long skippedRounds;

  /**
   * @param log is cut where it stands now, so that a run that goes on can be audited
   * @param spotCheck computes a share of the gradients as well; null for none
   */
  public Audit(RunLog log, Demands demands, @Nullable WorkerSpotCheck spotCheck) {
    RunPlugins.require(log.run(), RunPlugins.ARBITRATOR, RunPlugins.SERVER);
    this.log = LogCut.of(log);
    this.run = log.run();
    this.demands = demands;
    this.findings = new Findings(demands, run.spec().rounds());
    this.refused = RefusedRecords.read(this.log);
    this.rounds = new LoggedRounds(this.log, refused, findings);
    this.before = rounds.before();
    this.reachesBack = rounds.round() == run.firstRound() && reachesBack(run.topics().updates());
    this.first = Math.max(demands.first(), rounds.round());
    this.recalculation = new Recalculation(run, PartitionState.begun(this.log));
    this.decisions = new DecisionCheck(recalculation.rounds(), findings);
    this.spotCheck = spotCheck;
    this.contributions = new Contributions(run.manifest());
    this.published = new PublishedShards(this.log, findings);
    this.validations = new ValidationCheck(this.log, findings);
    if (spotCheck != null) {
      this.log.last().map(Digests::of).ifPresent(spotCheck::drawBy);
    }
  }

  private boolean reachesBack(String topic) {
    return IntStream.range(0, run.manifest().partitions())
        .allMatch(partition -> log.start(new TopicPartition(topic, partition)) == 0);
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
          rounds.readRest();
          validations.end(rounds.round(), demands.complete());
          contradictions = rounds.contradictions();
        } else {
          published.stop();
        }
      }
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("a record that was computed here is malformed", e);
    }
    if (skippedRounds > 1) {
      findings.note("%d rounds were skipped".formatted(skippedRounds));
    }
    final ByteString head = before == null ? ByteString.EMPTY : Digests.of(before);
    demands.check(run, rounds.round(), head, findings);
    if (spotCheck != null) {
      spotCheck.notes().forEach(findings::note);
    }
    return new AuditReport(
        first,
        compared,
        run.spec().rounds(),
        findings.kept(),
        findings.count(),
        findings.groups(),
        findings.byRound(),
        findings.notes(),
        contributions.shares(),
        contributions.arithmetics(),
        refused.byWorker(),
        contradictions,
        published.weightsCompared(),
        published.weightsGone(),
        published.sealsCompared(),
        validations.compared(),
        head,
        stepping ? recalculation.sha256() : "",
        spotCheck == null ? new TreeMap<>() : spotCheck.tallies());
  }

  /** Takes the weights to start from; false if they are not there or cannot be. */
  private boolean start() throws MalformedRecordException {
    final long soFar = findings.countOfTaken();
    if (!reachesBack) {
      summing = false;
      stepping = false;
      findings.note(
          "the log no longer reaches back to the beginning: from round %d on, digests and decisions are held against what is recorded, sums and weights are not computed"
              .formatted(rounds.round()));
      return true;
    }
    BeginningCheck.of(log).forEach(findings::add);
    if (run.origin().isEmpty()) {
      for (final LogRecord initial : published.initial().values()) {
        recalculation.initialize(initial.bytes());
      }
    }
    if (findings.countOfTaken() > soFar) {
      return false;
    }
    if (first == run.firstRound()) {
      published.compareWeights(
          first, before == null ? run.digest() : Digests.of(before), recalculation);
      validations.compare(first, recalculation::sha256);
    }
    return true;
  }

  /** Audits a round; false if the log ends. */
  private boolean next() throws MalformedRecordException {
    final long soFar = findings.countOfTaken();
    final LoggedRound logged = rounds.next().orElse(null);
    if (logged == null) {
      return false;
    }
    final boolean whole = rounds.gradients(logged, this::count);
    final boolean skipped = logged.isSkipped();
    if (skipped && ++skippedRounds == 1) {
      findings.note(
          "round %d is the first that was skipped: %s"
              .formatted(logged.round(), logged.verdict().getSkippedBecause()));
    }
    final boolean sums = summing && (skipped || (whole && recalculation.rounds().complete()));
    if (summing && !sums) {
      if (findings.countOfTaken() == soFar) {
        findings.add(
            Finding.of(
                Finding.Kind.STATISTICS,
                logged.round(),
                logged.statements().getLast().record(),
                "the gradients that the statistics name are not all that the round asks for"));
      }
      loseSums(logged.round());
    }
    final SortedMap<Integer, LogRecord> recorded = published.updates(logged.round());
    final DecisionCheck.Outcome outcome =
        decisions.check(logged, before, sums && !skipped, recorded);
    final Verdict verdict = outcome.verdict();
    if (outcome.corrected()) {
      rounds.correct(verdict);
    }
    if (summing && !outcome.closes()) {
      loseSums(logged.round());
    }
    if (sums && spotCheck != null) {
      spotCheck.check(logged.round(), recalculation).forEach(findings::add);
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
      if (spotCheck != null && gradient.round() >= first) {
        spotCheck.add(gradient, record);
      }
    }
  }

  private void loseSums(long round) {
    summing = false;
    findings.note(
        "from round %d on sums are not computed; digests, decisions and steps are held against what is recorded"
            .formatted(round));
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
      validations.compare(round + 1, recalculation::sha256);
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
      findings.note("from version %d on the weights cannot be computed".formatted(round + 1));
      return false;
    }
  }

  @Override
  public void close() {
    rounds.close();
    published.close();
  }
}
