package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.arbitrator.resolver.GroupedResolver;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SlotGroups;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Shard by shard in float32, and decided on inner products: the same as on whole vectors. */
class RoundTest {
  private static final int ROUNDS = 12;
  private static final int SHARD_VALUES = 16;

  private static final String GCOND = "resolver: {method: gcond, thresholds: [-0.8, -0.5, 0.0]}\n";
  private static final String EACH = "accumulation: {micro-batches: 3, groups: each}\n";

  private static final String OPTIMAL =
      GCOND + "calibrator: {method: vargrad, gamma: 0.1, beta-schedule: optimal}\n";
  private static final String EXCESS = "resolver: {method: excess-mtl, step: 0.3}\n";

  /** Groups of two slots and of three. */
  private static final String TWO = "accumulation: {micro-batches: 5, groups: 2}\n";

  private static final String THREE = "accumulation: {micro-batches: 4, groups: 3}\n";

  /** Tasks with two slots, four and six. */
  static final String UNEQUAL =
      """
      tasks:
        - {name: a, loss: quadratic, micro-batches: 2}
        - {name: b, loss: quadratic, weight: 0.5, micro-batches: 4}
        - {name: c, loss: quadratic, weight: 2, micro-batches: 6}
      """;

  private static final String UNEQUAL_TWO = UNEQUAL + "accumulation: {groups: 2}\n";

  private static final String SELECTED = "selection: {method: smo, tau: 2, learning-rate: 0.3}\n";

  @ParameterizedTest
  @ValueSource(
      strings = {
        GCOND,
        GCOND + "momentum: {mode: pure}\n",
        GCOND + "clip-norm: 0.5\n",
        GCOND + "calibrator: {method: vargrad, beta: 0.8, final-beta: 0.5, beta-rounds: 4}\n",
        GCOND + "calibrator: moco\n",
        GCOND + SELECTED,
        GCOND + SELECTED + "calibrator: vargrad\nclip-norm: 0.5\n",
        "resolver: moco\ncalibrator: moco\n",
        "resolver: {method: moco, simplex: projection}\ncalibrator: {method: moco, gradients: raw}\n",
        GCOND + "calibrator: {method: vargrad, start: bias-corrected}\n",
        GCOND + "calibrator: {method: vargrad, start: first-gradient}\n",
        "resolver: moco\ncalibrator: moco\nmomentum: {mode: pure}\n" + SELECTED,
        "resolver: pcgrad\ncalibrator: vargrad\n",
        "resolver: famo\n",
        "resolver: graddrop\n",
        "resolver: {method: graddrop, leak: [0.1, 0, 0.5]}\nmomentum: {mode: pure}\n",
        "resolver: graddrop\ncalibrator: moco\n" + SELECTED,
        OPTIMAL,
        OPTIMAL + "clip-norm: 0.5\n" + SELECTED,
        TWO + OPTIMAL + "momentum: {mode: pure}\n",
        EXCESS + "clip-norm: 0.5\n",
        EXCESS + "calibrator: vargrad\n" + SELECTED,
        EACH + EXCESS,
        EACH + GCOND,
        EACH + GCOND + "momentum: {mode: pure}\nclip-norm: 0.5\n",
        EACH + GCOND + "calibrator: vargrad\n" + SELECTED,
        EACH + "resolver: moco\ncalibrator: moco\n",
        EACH + "resolver: pcgrad\n",
        EACH + "resolver: famo\nmomentum: {mode: pure}\n",
        EACH + "resolver: graddrop\n",
        TWO + GCOND + "calibrator: vargrad\nclip-norm: 0.5\n",
        TWO + "resolver: db-mtl\ncalibrator: db-mtl\n",
        TWO + "resolver: graddrop\ncalibrator: moco\n" + SELECTED,
        TWO + "resolver: {method: modo, update: mean, gamma: 0.01}\n",
        THREE + "resolver: {method: modo, gamma: 0.01}\nclip-norm: 0.5\n",
        THREE + "resolver: sdmgrad\n" + SELECTED,
        UNEQUAL + GCOND + "clip-norm: 0.5\n",
        UNEQUAL + OPTIMAL,
        UNEQUAL + "resolver: moco\ncalibrator: moco\nmomentum: {mode: pure}\n",
        UNEQUAL + "resolver: graddrop\n",
        UNEQUAL + EXCESS,
        UNEQUAL + "resolver: famo\n",
        UNEQUAL_TWO + GCOND + "calibrator: vargrad\n",
        UNEQUAL_TWO + OPTIMAL,
        UNEQUAL_TWO + "resolver: graddrop\n",
        UNEQUAL_TWO + "resolver: {method: modo, update: mean, gamma: 0.01}\n",
      })
  void isWhatItWouldBeOnWholeVectors(String lines) {
    final RunSpec spec = MadeUpGradients.spec(lines);
    final var run = new InMemoryRun(spec, MadeUpGradients.manifest(SHARD_VALUES, 2));
    final var wholeVectors = new WholeVectorRun(spec);

    for (int round = 0; round < ROUNDS; round++) {
      final boolean scalarized = wholeVectors.scalarized();
      final InMemoryRun.Outcome outcome = run.next();
      final double[] expected = wholeVectors.next();

      final Verdict verdict = outcome.verdict();
      assertThat(verdict.getScalarized()).as("kind of round %d", round).isEqualTo(scalarized);
      final double accuracy = 1e-5 * Arrays.stream(expected).map(Math::abs).max().orElseThrow();
      assertThat(doubles(outcome.update()))
          .as("update of round %d", round)
          .containsExactly(expected, within(accuracy));
      if (!scalarized) {
        assertThat(scores(verdict))
            .as("scores of round %d", round)
            .containsExactly(wholeVectors.scores(), within(1e-4));
      }
      if (verdict.hasUpdateNorm()) {
        assertThat(verdict.getUpdateNorm())
            .as("norm that was predicted for round %d", round)
            .isCloseTo(norm(outcome.update()), Percentage.withPercentage(1e-3));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        GCOND,
        GCOND + "momentum: {mode: pure}\n",
        GCOND + "calibrator: vargrad\n",
        GCOND + SELECTED,
        "resolver: moco\ncalibrator: moco\nmomentum: {mode: pure}\n" + SELECTED,
        EACH + GCOND + "calibrator: vargrad\n" + SELECTED,
        EACH + EXCESS,
        TWO + "resolver: moco\ncalibrator: moco\nmomentum: {mode: pure}\n",
      })
  void takesTheMemoryThatIsAnnounced(String lines) {
    final RunSpec spec = MadeUpGradients.spec(lines);
    final Manifest manifest = MadeUpGradients.manifest(SHARD_VALUES, 2);
    final var run = new InMemoryRun(spec, manifest);

    for (int round = 0; round < ROUNDS; round++) {
      run.next();
    }

    assertThat(run.vectorBytes()).isEqualTo(PartitionRound.vectorBytes(spec, manifest));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        GCOND,
        GCOND + "calibrator: vargrad\n" + SELECTED,
        "resolver: moco\ncalibrator: moco\nmomentum: {mode: pure}\n" + SELECTED,
        "resolver: graddrop\n",
        EACH + GCOND + "calibrator: vargrad\n" + SELECTED,
        TWO + "resolver: moco\ncalibrator: moco\nmomentum: {mode: pure}\n" + SELECTED,
        THREE + "resolver: sdmgrad\n",
        EXCESS + "calibrator: vargrad\n" + SELECTED,
        EACH + OPTIMAL + SELECTED,
        EACH + "resolver: graddrop\n",
        UNEQUAL + GCOND + "calibrator: vargrad\n",
        UNEQUAL_TWO + OPTIMAL,
      })
  void isTheSameToTheBitOnAnyNumberOfPartitionsAndAfterARestartInAnyPlace(String lines) {
    final RunSpec spec = MadeUpGradients.spec(lines);
    final List<Verdict> verdicts = new ArrayList<>();
    final List<float[]> undisturbed = new ArrayList<>();
    final var run = new InMemoryRun(spec, MadeUpGradients.manifest(SHARD_VALUES, 1));
    for (int round = 0; round < ROUNDS; round++) {
      final InMemoryRun.Outcome outcome = run.next();
      verdicts.add(outcome.verdict());
      undisturbed.add(outcome.update());
    }

    final Manifest other = MadeUpGradients.manifest(SHARD_VALUES, 3);
    final List<Verdict> evidence = new ArrayList<>();
    final var elsewhere = new InMemoryRun(spec, other);
    for (int round = 0; round < ROUNDS; round++) {
      evidence.add(elsewhere.next().verdict());
    }
    for (int restart = 0; restart < 20; restart += 3) {
      final var again = new InMemoryRun(spec, other);
      for (int round = 0; round < ROUNDS; round++) {
        final InMemoryRun.Outcome outcome = again.next(restart);
        assertThat(outcome.update()).isEqualTo(undisturbed.get(round));
        assertThat(outcome.verdict()).isEqualTo(evidence.get(round));
        assertThat(decision(outcome.verdict())).isEqualTo(decision(verdicts.get(round)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        GCOND,
        GCOND + "momentum: {mode: pure}\n",
        GCOND + "clip-norm: 0.5\n",
        GCOND + "calibrator: {method: vargrad, beta: 0.8, final-beta: 0.5, beta-rounds: 4}\n",
        GCOND + "calibrator: moco\n" + SELECTED,
        "resolver: moco\ncalibrator: moco\nmomentum: {mode: pure}\n" + SELECTED,
        "resolver: famo\nmax-norm-ratio: 100\n",
        EXCESS + "calibrator: vargrad\n" + SELECTED,
        EACH + GCOND + "calibrator: vargrad\n",
        TWO + "resolver: moco\ncalibrator: moco\n",
        UNEQUAL + GCOND + "calibrator: vargrad\n",
      })
  void goesOnAfterASkippedRoundAsIfThatHadNotBeen(String lines) {
    final RunSpec spec = MadeUpGradients.spec(lines + "on-divergence: skip-round\n");
    // With all there are, a calibrator has moved its memories of all shards but one.
    for (final int added : new int[] {0, 1, Integer.MAX_VALUE}) {
      final var run = new InMemoryRun(spec, MadeUpGradients.manifest(SHARD_VALUES, 3));
      final var without = new InMemoryRun(spec, MadeUpGradients.manifest(SHARD_VALUES, 1));
      for (int round = 0; round < ROUNDS; round++) {
        if (round == 2 || round == 3 || round == 7) {
          assertThat(run.skip(added).getSkipped()).isTrue();
          without.shift(round == 2 ? 1 : round == 3 ? 2 : 3);
        }
        final InMemoryRun.Outcome outcome = run.next();
        final InMemoryRun.Outcome expected = without.next();
        assertThat(outcome.update()).as("round %d", round).isEqualTo(expected.update());
        assertThat(outcome.verdict().getStateMap()).isEqualTo(expected.verdict().getStateMap());
        assertThat(outcome.verdict().getRunningSquaredList())
            .isEqualTo(expected.verdict().getRunningSquaredList());
        assertThat(outcome.verdict().getSkippedInARow()).isZero();
        assertThat(outcome.verdict().getSkippedRounds())
            .isEqualTo(round < 2 ? 0 : round < 3 ? 1 : round < 7 ? 2 : 3);
      }
    }
  }

  @Test
  void tooManySkippedRoundsInARowAreAStop() {
    final RunSpec spec = MadeUpGradients.spec(GCOND + "on-divergence: skip-round\n");
    final var run = new InMemoryRun(spec, MadeUpGradients.manifest(SHARD_VALUES, 1));
    for (int i = 1; i <= SkippedRound.MOST_IN_A_ROW; i++) {
      assertThat(run.skip(0).getSkippedInARow()).isEqualTo(i);
    }

    assertThatThrownBy(() -> run.skip(0)).isInstanceOf(NoSuchElementException.class);
  }

  @Test
  void noRoundIsSkippedWhereTheSpecDoesNotSaySo() {
    final RunSpec spec = MadeUpGradients.spec(GCOND);
    final var run = new InMemoryRun(spec, MadeUpGradients.manifest(SHARD_VALUES, 1));

    assertThatThrownBy(() -> run.skip(0)).isInstanceOf(NoSuchElementException.class);
  }

  /** A verdict without what says where its round's records lay. */
  private static Verdict decision(Verdict verdict) {
    return verdict.toBuilder()
        .clearManifest()
        .clearNonce()
        .clearRun()
        .clearPrevious()
        .clearContributions()
        .build();
  }

  @Test
  void whatIsDecidedElementByElementDoesNotDependOnTheCutIntoShards() {
    final RunSpec spec = MadeUpGradients.spec("resolver: graddrop\n");
    final var fine = new InMemoryRun(spec, MadeUpGradients.manifest(5, 1));
    final var coarse = new InMemoryRun(spec, MadeUpGradients.manifest(1000, 1));

    for (int round = 0; round < ROUNDS; round++) {
      assertThat(fine.next().update()).isEqualTo(coarse.next().update());
    }
  }

  @Test
  void takesRoundsOfBothKindsWhenRoundsAreSelected() {
    final var run =
        new InMemoryRun(
            MadeUpGradients.spec(GCOND + SELECTED), MadeUpGradients.manifest(SHARD_VALUES, 1));
    final var kinds = new StringBuilder();
    for (int round = 0; round < ROUNDS; round++) {
      kinds.append(run.next().verdict().getScalarized() ? 's' : 'j');
    }

    assertThat(kinds).matches("j.*s+j.*");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "calibrator: none\n",
        "calibrator: vargrad\n",
        "calibrator: moco\n",
        EACH,
        EACH + "calibrator: vargrad\n",
        EACH + "calibrator: moco\n",
        UNEQUAL + "calibrator: vargrad\n",
        UNEQUAL_TWO,
      })
  void measuresRawGradientsWhateverCalibrates(String lines) {
    final RunSpec spec = MadeUpGradients.spec(GCOND + lines);
    final var gradients = new MadeUpGradients(spec);
    final var run = new InMemoryRun(spec, MadeUpGradients.manifest(SHARD_VALUES, 1));
    run.next();
    final Verdict verdict = run.next(40).verdict();

    for (int task = 0; task < MadeUpGradients.TASKS; task++) {
      final var mean = new float[MadeUpGradients.size()];
      double ofSlots = 0;
      final int slots = spec.slots().of(task);
      for (int slot = 0; slot < slots; slot++) {
        final float[] gradient = gradients.of(1, task, slot);
        for (int d = 0; d < mean.length; d++) {
          mean[d] += gradient[d] / slots;
        }
        ofSlots += norm(gradient) * norm(gradient) / slots;
      }
      assertThat(verdict.getSlotSquaredMean(task))
          .isCloseTo(ofSlots, Percentage.withPercentage(1e-3));
      assertThat(verdict.getMeanSquared(task))
          .isCloseTo(norm(mean) * norm(mean), Percentage.withPercentage(1e-3));
    }
  }

  /** Var(g) from the groups' sums, and Var(m) of what each group's own calibrator made of them. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        EACH,
        TWO,
        TWO + "calibrator: {method: vargrad, beta: 0.8, gamma: 0}\n",
        EACH + "calibrator: {method: moco, beta: 0.3, beta-sigma: 0, gradients: raw}\n",
        UNEQUAL_TWO + "calibrator: {method: vargrad, beta: 0.8, gamma: 0}\n",
      })
  void measuresTheVarianceOfOneSlotsGradientBeforeAndAfterCalibration(String lines) {
    final RunSpec spec = MadeUpGradients.spec(GCOND + lines);
    final int count = spec.slots().groups();
    final var gradients = new MadeUpGradients(spec);
    final var run = new InMemoryRun(spec, MadeUpGradients.manifest(SHARD_VALUES, 2));
    final double keep = lines.contains("vargrad") ? 0.8 : lines.contains("moco") ? 0.7 : 0;
    final var memories = new double[MadeUpGradients.TASKS][count][MadeUpGradients.shared()];
    for (int round = 0; round < 3; round++) {
      final Verdict verdict = run.next().verdict();
      for (int task = 0; task < MadeUpGradients.TASKS; task++) {
        final SlotGroups groups = spec.slots().groups(task);
        final double weight = spec.tasks().get(task).weight();
        final var means = new double[groups.count()][MadeUpGradients.shared()];
        for (int slot = 0; slot < groups.slots(); slot++) {
          final float[] gradient = gradients.of(round, task, slot);
          for (int d = 0; d < MadeUpGradients.shared(); d++) {
            means[slot % groups.count()][d] +=
                weight * gradient[d] / groups.slotsOf(slot % groups.count());
          }
        }
        assertThat(verdict.getGradientVariance(task))
            .isCloseTo(variance(means, groups), Percentage.withPercentage(1e-2));
        if (keep > 0) {
          for (int group = 0; group < groups.count(); group++) {
            final double[] memory = memories[task][group];
            final double[] mean = means[group];
            Arrays.setAll(memory, d -> keep * memory[d] + (1 - keep) * mean[d]);
          }
          assertThat(verdict.getCalibratedVariance(task))
              .isCloseTo(variance(memories[task], groups), Percentage.withPercentage(1e-2));
        } else {
          assertThat(verdict.getCalibratedVarianceCount()).isZero();
        }
      }
    }
  }

  private static double variance(double[][] means, SlotGroups groups) {
    double variance = 0;
    for (int d = 0; d < means[0].length; d++) {
      double mean = 0;
      for (int group = 0; group < means.length; group++) {
        mean += groups.slotsOf(group) * means[group][d] / groups.slots();
      }
      for (int group = 0; group < means.length; group++) {
        final double difference = means[group][d] - mean;
        variance += groups.slotsOf(group) * difference * difference / (means.length - 1);
      }
    }
    return variance;
  }

  @ParameterizedTest
  @ValueSource(strings = {"sequential", "stochastic"})
  void equalNumbersGivenForEachTaskAreTheSameToTheBit(String mode) {
    final String lines =
        GCOND + "calibrator: vargrad\naccumulation: {mode: %s, micro-batches: %d}\n";
    final String own = ", micro-batches: 2, batch-size: 16";
    final Manifest manifest = MadeUpGradients.manifest(SHARD_VALUES, 2);
    final var common =
        new InMemoryRun(
            MadeUpGradients.spec(lines.formatted(mode, mode.equals("sequential") ? 2 : 6)),
            manifest);
    final var each =
        new InMemoryRun(
            MadeUpGradients.spec(lines.formatted(mode, 7) + MadeUpGradients.tasks(own, own, own)),
            manifest);
    for (int round = 0; round < ROUNDS; round++) {
      final InMemoryRun.Outcome expected = common.next();
      final InMemoryRun.Outcome outcome = each.next();
      assertThat(outcome.update()).isEqualTo(expected.update());
      assertThat(decision(outcome.verdict())).isEqualTo(decision(expected.verdict()));
    }
  }

  @Test
  void theSumOfAnyGroupsIsTheSumOfAll() {
    final String sum = "resolver: sum\n";
    final var plain =
        new InMemoryRun(
            MadeUpGradients.spec(sum + "accumulation: {micro-batches: 5}\n"),
            MadeUpGradients.manifest(SHARD_VALUES, 1));
    final var runs =
        Stream.of("2", "3", "each")
            .map(
                groups ->
                    new InMemoryRun(
                        MadeUpGradients.spec(
                            sum + "accumulation: {micro-batches: 5, groups: " + groups + "}\n"),
                        MadeUpGradients.manifest(SHARD_VALUES, 2)))
            .toList();
    for (int round = 0; round < ROUNDS; round++) {
      final double[] expected = doubles(plain.next().update());
      for (final InMemoryRun run : runs) {
        assertThat(doubles(run.next().update())).containsExactly(expected, within(1e-5));
      }
    }
  }

  @Test
  void oneMicroBatchAsAGroupIsTheSameToTheBit() {
    final String lines = GCOND + "calibrator: vargrad\naccumulation: {micro-batches: 1";
    final Manifest manifest = MadeUpGradients.manifest(SHARD_VALUES, 1);
    final var plain = new InMemoryRun(MadeUpGradients.spec(lines + "}\n"), manifest);
    final var each = new InMemoryRun(MadeUpGradients.spec(lines + ", groups: each}\n"), manifest);
    for (int round = 0; round < ROUNDS; round++) {
      final InMemoryRun.Outcome expected = plain.next();
      final InMemoryRun.Outcome outcome = each.next();
      assertThat(outcome.update()).isEqualTo(expected.update());
      assertThat(decision(outcome.verdict())).isEqualTo(decision(expected.verdict()));
    }
  }

  @Test
  void aMethodOfIndependentSamplesNeedsItsGroups() {
    assertThatThrownBy(() -> GroupedResolver.of(MadeUpGradients.spec("resolver: sdmgrad\n" + TWO)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("sdmgrad needs 3 independent gradients of each task a round")
        .hasMessageEndingWith("there are 2; set accumulation.groups: 3");
  }

  private static double[] scores(Verdict verdict) {
    return verdict.getArbitrationsList().stream()
        .flatMapToDouble(pair -> DoubleStream.of(pair.getFirstScore(), pair.getSecondScore()))
        .toArray();
  }

  private static double[] doubles(float[] values) {
    final var doubles = new double[values.length];
    Arrays.setAll(doubles, d -> values[d]);
    return doubles;
  }

  private static double norm(float[] values) {
    double squared = 0;
    for (final float value : values) {
      squared += (double) value * value;
    }
    return Math.sqrt(squared);
  }
}
