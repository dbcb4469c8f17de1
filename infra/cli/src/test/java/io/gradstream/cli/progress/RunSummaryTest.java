package io.gradstream.cli.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.SlotGroups;
import io.gradstream.proto.spec.TaskSlots;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class RunSummaryTest {
  private static final Offset<Double> ROUNDING = Offset.offset(1e-12);

  private final RunSummary run =
      new RunSummary(List.of("a", "b"), TaskSlots.alike(2, new SlotGroups(2, 1)), 0);

  @Test
  void keepsFirstAndLastLosses() {
    run.verdict(verdict(0, 5, 7, 0.5).build(), 10);
    run.verdict(verdict(1, 4, 6, 0.5).build(), 20);

    assertThat(run.rounds()).isEqualTo(2);
    assertThat(run.firstLosses()).containsExactly(5, 7);
    assertThat(run.lastLosses()).containsExactly(4, 6);
  }

  @Test
  void countsRoundsInWhichGradientsPointAgainstEachOther() {
    run.verdict(verdict(0, 1, 1, -0.5).build(), 10);
    run.verdict(verdict(1, 1, 1, 0.5).build(), 20);
    run.verdict(verdict(2, 1, 1, 0.9).build(), 30);
    run.verdict(verdict(3, 1, 1, -0.1).build(), 40);

    assertThat(run.conflictRatio(0, 1)).isEqualTo(0.5);
    assertThat(run.conflictRatio()).isEqualTo(0.5);
    assertThat(run.smallestCosine()).isEqualTo(-0.5, ROUNDING);
  }

  @Test
  void tellsTheZoneOfTheStrongestConflict() {
    final var verdict = verdict(0, 1, 1, -0.5);
    verdict.addArbitrationsBuilder().setFirst(1).setSecond(0).setZone("moderate");
    run.verdict(verdict.build(), 10);

    assertThat(run.conflict().orElseThrow().zone()).isEqualTo("moderate");
    assertThat(run.conflict().orElseThrow().cosine()).isEqualTo(-0.5, ROUNDING);
  }

  @Test
  void countsAReEmittedVerdictOnce() {
    run.verdict(verdict(0, 1, 1, -0.5).build(), 10);
    run.verdict(verdict(0, 1, 1, -0.5).build(), 11);
    run.verdict(verdict(1, 1, 1, 0.5).build(), 12);

    assertThat(run.rounds()).isEqualTo(2);
    assertThat(run.conflictRatio()).isEqualTo(0.5);
  }

  @Test
  void aForkBeginsWithTheFirstRoundOfItsOwn() {
    final var fork = new RunSummary(List.of("a", "b"), TaskSlots.alike(2, new SlotGroups(2, 1)), 7);
    fork.verdict(verdict(6, 9, 9, -0.5).build(), 5); // its origin's
    assertThat(fork.rounds()).isEqualTo(7);
    assertThat(fork.seenRounds()).isZero();

    fork.verdict(verdict(7, 5, 7, 0.5).build(), 10);

    assertThat(fork.rounds()).isEqualTo(8);
    assertThat(fork.firstLosses()).containsExactly(5, 7);
    assertThat(fork.gradientEvaluations()).isEqualTo(4);
    assertThat(fork.conflictRatio()).isZero();
  }

  @Test
  void aRoundOfScalarizedGradientsSavesEvaluationsAndTellsNothingOfConflicts() {
    run.verdict(verdict(0, 8, 0, -0.5).build(), 10);
    run.verdict(
        Verdict.newBuilder()
            .setRound(1)
            .setScalarized(true)
            .addAllLosses(List.of(2.0, 1.0))
            .build(),
        20);

    assertThat(run.gradientEvaluations()).isEqualTo(2 * 2 + 2);
    assertThat(run.jointRounds()).isEqualTo(1);
    assertThat(run.conflictRatio()).isEqualTo(1);
    assertThat(run.improvement(0)).hasValue(0.75);
    assertThat(run.improvement(1)).isEmpty();
  }

  @Test
  void tellsSignalFromNoiseByTheSlotsNorms() {
    // Task a: slots (3, 1) and (3, -1), mean (3, 0). Task b: slots alike.
    run.verdict(
        verdict(0, 1, 1, 0.5)
            .addAllSlotSquaredMean(List.of(10.0, 4.0))
            .addAllMeanSquared(List.of(9.0, 4.0))
            .build(),
        10);

    assertThat(run.signalToNoise(0)).hasValue((2 * 9.0 - 10) / (2 * (10 - 9.0)));
    assertThat(run.signalToNoise(1)).isEmpty();
  }

  @Test
  void tellsTheVarianceThatGroupsShowAndWhatCalibrationLeavesOfIt() {
    assertThat(run.gradientVariance(0)).isEmpty();

    run.verdict(
        verdict(0, 1, 1, 0.5)
            .addAllGradientVariance(List.of(4.0, 0.0))
            .addAllCalibratedVariance(List.of(1.0, 0.0))
            .build(),
        10);
    run.verdict(
        verdict(1, 1, 1, 0.5)
            .addAllGradientVariance(List.of(2.0, 0.0))
            .addAllCalibratedVariance(List.of(0.5, 0.0))
            .build(),
        20);

    assertThat(run.gradientVariance(0)).hasValue(3);
    assertThat(run.varianceLeft(0)).hasValue(0.25);
    assertThat(run.varianceLeft(1)).isEmpty();
  }

  @Test
  void forgetsAStandstillWhenTheRoundEnds() {
    final var waiting = Metric.Waiting.newBuilder().setRound(0).setWaitedMs(5000);
    run.metric(Metric.newBuilder().setTimeMs(8000).setWaiting(waiting).build());
    assertThat(run.standstill().orElseThrow().sinceMs()).isEqualTo(3000);

    run.verdict(verdict(0, 1, 1, 0.5).build(), 10);

    assertThat(run.standstill()).isEmpty();
  }

  /** Which topic is read first is chance. */
  @Test
  void knowsOfAStandstillThatWasReadBeforeTheVerdictsItFollows() {
    final var waiting = Metric.Waiting.newBuilder().setRound(2).setWaitedMs(5000);
    run.metric(Metric.newBuilder().setTimeMs(8000).setWaiting(waiting).build());
    assertThat(run.standstill()).isEmpty();

    run.verdict(verdict(0, 1, 1, 0.5).build(), 10);
    run.verdict(verdict(1, 1, 1, 0.5).build(), 20);

    assertThat(run.standstill().orElseThrow().sinceMs()).isEqualTo(3000);
  }

  @Test
  void countsHowOftenASlotOfTheOpenRoundWasRefused() {
    run.metric(refused(1, 0, 1));
    run.metric(refused(0, 1, 0));
    run.metric(refused(1, 0, 1));
    run.verdict(verdict(0, 1, 1, 0.5).build(), 10);

    assertThat(run.refusal()).hasValue(new RefusedSlots.Refusal(1, 0, 1, 2));

    run.verdict(verdict(1, 1, 1, 0.5).build(), 20);

    assertThat(run.refusal()).isEmpty();
  }

  private static Metric refused(long round, int task, int slot) {
    return Metric.newBuilder()
        .setRefused(Metric.Refused.newBuilder().setRound(round).setTask(task).setSlot(slot))
        .build();
  }

  @Test
  void countsGradientsThatContradictOthers() {
    run.metric(contradiction(3, "bob/0"));
    run.metric(contradiction(4, "mallory/0"));

    assertThat(run.contradictions()).isEqualTo(2);
    assertThat(run.lastContradiction().getWorker()).isEqualTo("mallory/0");
  }

  private static Metric contradiction(long round, String worker) {
    return Metric.newBuilder()
        .setContradiction(
            Metric.Contradiction.newBuilder()
                .setRound(round)
                .setWorker(worker)
                .setCounted("alice/0"))
        .build();
  }

  @Test
  void countsRoundsWithoutAnAnswerAndWithoutAnUpdate() {
    for (int round = 0; round < 150; round++) {
      final var verdict = verdict(round, 1, 1, 0.5).addWeights(round < 20 ? 0 : 1).addWeights(0);
      run.verdict(verdict.setFallback(round >= 140 ? "no descent" : "").build(), round);
    }

    assertThat(run.withoutAnswer().all()).isEqualTo(10);
    assertThat(run.withoutAnswer().text()).isEqualTo("10 rounds, 10 of the last 100");
    assertThat(run.lastFallback()).isEqualTo("no descent");
    assertThat(run.withoutUpdate().all()).isEqualTo(20);
    assertThat(run.withoutUpdate().recent()).isZero();
  }

  @Test
  void knowsTheVersionBeforeTheLossesRose() {
    run.verdict(verdict(0, 5, 5, 0.5).build(), 10);
    run.verdict(verdict(1, 4, 4, 0.5).build(), 20);
    run.verdict(verdict(2, 1e30, Double.NaN, 0.5).build(), 30);

    assertThat(run.bestVersion()).isEqualTo(1);
  }

  /** Gradients of norm 2 and 3 with a cosine. */
  private static Verdict.Builder verdict(long round, double a, double b, double cosine) {
    return Verdict.newBuilder()
        .setRound(round)
        .addAllLosses(List.of(a, b))
        .addAllGram(List.of(4.0, 6 * cosine, 6 * cosine, 9.0));
  }
}
