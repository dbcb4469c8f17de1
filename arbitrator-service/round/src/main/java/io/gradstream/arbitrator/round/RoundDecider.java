package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.GroupedResolver;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.selection.Selections;
import io.gradstream.arbitrator.selection.SelectiveOptimization;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSlots;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The one place that decides: collects a round's statistics, lets the resolver weigh the tasks, and
 * writes the verdict that every partition follows.
 *
 * <p>Everything is decided on inner products. The norm of what the optimizer will get follows from
 * them before any vector is touched ({@link ClippedMomentum}), which makes clipping by the global
 * norm exact. Where rounds are selected, the losses of a round decide whether the next one is
 * joint; a round of scalarized gradients has one vector and needs no resolver.
 *
 * <p>The verdict carries the states of resolver and selection, so the log of verdicts is all the
 * state there is. It also carries the digests that chain it to the records that it follows from and
 * to the verdict before ({@link Digests}). One owner, one thread.
 */
public final class RoundDecider {
  private final RunDescription run;
  private final RunSpec spec;
  private final Manifest manifest;
  private final GroupedResolver resolver;
  private final Calibrator calibrator;
  private final @Nullable SelectiveOptimization selection;
  private final TaskSlots slots;
  private final RoundTotals totals;
  private final AdmissionPolicy admission;
  private MethodState resolverState;
  private MethodState selectionState;
  private Phase phase = Phase.FIRST;
  private @Nullable Verdict last;

  public RoundDecider(RunDescription run) {
    this.run = run;
    this.spec = run.spec();
    this.manifest = run.manifest();
    this.admission = new AdmissionPolicy(run);
    final int tasks = spec.tasks().size();
    this.resolver = GroupedResolver.of(spec);
    this.calibrator = Calibrators.create(spec.calibrator());
    this.selection = Selections.create(spec.selection()).orElse(null);
    this.slots = spec.slots();
    this.totals = new RoundTotals(manifest, slots, calibrator);
    this.resolverState = resolver.initialState(tasks);
    this.selectionState = selection == null ? MethodState.EMPTY : selection.initialState(tasks);
  }

  /** Goes on after a verdict that was published before. */
  public void restore(Verdict verdict) {
    resolverState = VerdictStates.resolver(verdict);
    selectionState = VerdictStates.selection(verdict);
    phase =
        new Phase(
            verdict.getRound() + 1,
            verdict.getJointRounds(),
            RoundKind.of(verdict.getNextScalarized()));
    last = verdict;
    totals.clear();
  }

  /** The round that is to be decided next. */
  public long round() {
    return phase.round();
  }

  /** The verdict of the round before, if there was one. */
  public Optional<Verdict> last() {
    return Optional.ofNullable(last);
  }

  /**
   * Whether statistics of the round that is to be decided can be this run's: shards and slots that
   * it has, as many numbers as they have, all of them finite.
   */
  public boolean fits(ShardStatistics statistics) {
    return new StatisticsCheck(manifest, slots, phase.kind(), calibrator, resolver.readsExcess())
        .fits(statistics);
  }

  /**
   * Takes in some shards' statistics of the round that is to be decided.
   *
   * @param offset the record's offset on the topic {@code statistics}
   * @return the verdict, once all shards are in or the round is skipped
   */
  public Optional<Verdict> add(ShardStatistics statistics, long offset) {
    if (statistics.getRound() != phase.round()) {
      throw new IllegalArgumentException(
          "statistics of round %d in round %d".formatted(statistics.getRound(), phase.round()));
    }
    if (SkippedRound.isDecidedBy(statistics, run, last)) {
      return Optional.of(skip(statistics, offset));
    }
    totals.add(statistics, offset);
    return totals.complete() ? Optional.of(decide(offset)) : Optional.empty();
  }

  private Verdict decide(long offset) {
    final var verdict =
        Verdict.newBuilder()
            .setRound(phase.round())
            .setManifest(manifest.hash())
            .setStatisticsOffset(offset + 1)
            .setScalarized(phase.scalarized())
            .setJointRounds(phase.scalarized() ? phase.joint() : phase.joint() + 1);
    final double[] losses = phase.scalarized() ? totals.summedLosses() : totals.losses();
    Arrays.stream(losses).forEach(verdict::addLosses);
    final ClippedMomentum momentum = phase.scalarized() ? sum(verdict) : resolve(verdict);
    verdict
        .setMomentumBeta((float) momentum.beta())
        .setOutputScale(momentum.outputScale())
        .setClipFactor(momentum.clip());
    if (phase.scalarized() || !elementwise()) {
      verdict.setUpdateNorm(momentum.norm());
    }
    select(verdict, losses);
    verdict.setNonce(AdmissionPolicy.nonce(verdict));
    verdict.setFingerprint(
        admission.arithmeticAfter(
            last, totals.reportOf(admission.firstTask(phase.kind()), 0).getFingerprint()));
    verdict.setContributions(totals.contributions());
    verdict.setSkippedRounds(skippedRounds());
    return chained(verdict);
  }

  private Verdict skip(ShardStatistics statistics, long offset) {
    final Verdict.Builder verdict = SkippedRound.verdict(run, phase, statistics, offset, last);
    verdict.setNonce(AdmissionPolicy.nonceOfSkipped(verdict));
    VerdictStates.putResolver(verdict, resolverState);
    VerdictStates.putSelection(verdict, selectionState);
    return chained(verdict);
  }

  private Verdict chained(Verdict.Builder verdict) {
    verdict.setRun(run.digest());
    if (last != null) {
      verdict.setPrevious(Digests.of(last));
    }
    final Verdict decided = verdict.build();
    restore(decided);
    return decided;
  }

  private long skippedRounds() {
    return last == null ? 0 : last.getSkippedRounds();
  }

  /** How many steps came before the round; what was skipped is none. */
  private long steps() {
    return phase.round() - skippedRounds();
  }

  private ClippedMomentum resolve(Verdict.Builder verdict) {
    final JointRound joint = JointRound.of(totals, spec, calibrator, phase, resolver.readsExcess());
    final Resolution resolution = resolver.resolve(joint.statistics(), resolverState);
    final double[] scales = JointRound.rowScales(spec);
    final double[] weights = elementwise() ? shares(scales.length) : resolution.weights();
    Arrays.stream(resolution.weights()).forEach(verdict::addWeights);
    final ClippedMomentum momentum =
        ClippedMomentum.of(
            spec, joint.squaredNormAfter(weights, ClippedMomentum.beta(spec)), steps());
    for (int row = 0; row < scales.length; row++) {
      verdict.addSharedCoefficients((float) ((1 - momentum.beta()) * weights[row] * scales[row]));
    }
    for (final double scale : ElementwiseCombiner.scales(spec)) {
      verdict.addOwnCoefficients((float) ((1 - momentum.beta()) * scale));
    }
    final double[] slotSquaredMean = totals.slotSquaredMean();
    Arrays.stream(slotSquaredMean).forEach(verdict::addSlotSquaredMean);
    verdict.addAllRunningSquared(AdmissionPolicy.running(last, slotSquaredMean));
    Arrays.stream(totals.meanSquared()).forEach(verdict::addMeanSquared);
    verdict.setResolver(spec.resolver().kind());
    VerdictReasons.write(verdict, joint, resolution, run.format());
    VerdictStates.putResolver(verdict, resolution.state());
    return momentum;
  }

  /** Whether the method decides element by element, so that the update's norm is not known here. */
  private boolean elementwise() {
    return resolver.elementwise() != null;
  }

  private ClippedMomentum sum(Verdict.Builder verdict) {
    final double scale = 1.0 / slots.of(RoundKind.sum(spec.tasks().size()));
    final double beta = ClippedMomentum.beta(spec);
    final ClippedMomentum momentum =
        ClippedMomentum.of(
            spec,
            ClippedMomentum.squaredNorm(
                beta,
                totals.momentumSquared(),
                scale * totals.summedMomentum(),
                scale * scale * totals.summedSquared()),
            steps());
    verdict.setScalarizedCoefficient((float) ((1 - beta) * scale)).setResolver("none");
    if (last != null) {
      verdict.addAllRunningSquared(last.getRunningSquaredList());
    }
    VerdictStates.putResolver(verdict, resolverState);
    return momentum;
  }

  private void select(Verdict.Builder verdict, double[] losses) {
    if (selection != null) {
      final SelectiveOptimization.Gate next = selection.decide(losses, selectionState);
      verdict.setNextScalarized(!next.joint()).setImbalance(next.ratio());
      VerdictStates.putSelection(verdict, next.state());
    }
  }

  /** The weights of the plain sum of the tasks' means. */
  private double[] shares(int rows) {
    final double[] shares = new double[rows];
    Arrays.setAll(shares, row -> slots.share(row % slots.groups()));
    return shares;
  }
}
