package io.gradstream.server.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.proto.spec.LearningRateSchedule.Decay;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;
import java.util.Locale;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class LearningRateFactorTest {

  @Test
  void withoutWarmUpAConstantRateIsFullFromTheFirstRound() {
    var factor = factor(100, 0, Decay.CONSTANT, 0);
    assertThat(factor.at(0)).isEqualTo(1);
    assertThat(factor.at(99)).isEqualTo(1);
  }

  @Test
  void warmUpRisesLinearlyToTheFullRate() {
    var factor = factor(100, 4, Decay.CONSTANT, 0);
    assertThat(factor.at(0)).isEqualTo(0.25);
    assertThat(factor.at(1)).isEqualTo(0.5);
    assertThat(factor.at(3)).isEqualTo(1);
    assertThat(factor.at(4)).isEqualTo(1);
  }

  @Test
  void cosineFallsFromTheEndOfWarmUpToTheFloorInTheLastRound() {
    var factor = factor(111, 10, Decay.COSINE, 0.1);
    assertThat(factor.at(10)).isEqualTo(1);
    assertThat(factor.at(60)).isCloseTo(0.55, within(1e-12));
    assertThat(factor.at(85)).isCloseTo(0.1 + 0.45 * (1 - Math.sqrt(0.5)), within(1e-12));
    assertThat(factor.at(110)).isCloseTo(0.1, within(1e-12));
  }

  @Test
  void aRunMayBeAllWarmUp() {
    assertThat(factor(10, 10, Decay.COSINE, 0).at(4)).isEqualTo(0.5);
  }

  @Property(tries = 100)
  void theFactorRisesAndThenFallsBetweenFloorAndOne(
      @ForAll @LongRange(min = 0, max = 50) long warmup,
      @ForAll @LongRange(min = 1, max = 200) long rounds,
      @ForAll @DoubleRange(min = 0, max = 1) double floor) {
    Assume.that(warmup <= rounds);
    var factor = factor(rounds, warmup, Decay.COSINE, floor);
    for (long round = 0; round < rounds; round++) {
      assertThat(factor.at(round)).isBetween(round < warmup ? 0 : floor - 1e-12, 1 + 1e-12);
      if (round > 0 && round < warmup) {
        assertThat(factor.at(round)).isGreaterThan(factor.at(round - 1));
      }
      if (round > warmup) {
        assertThat(factor.at(round)).isLessThanOrEqualTo(factor.at(round - 1));
      }
    }
  }

  private static LearningRateFactor factor(long rounds, long warmup, Decay decay, double floor) {
    String spec =
        """
        run: schedule
        seed: 1
        rounds: %d
        tasks: [{name: a, loss: mse}]
        accumulation: {mode: sequential, micro-batches: 1, batch-size: 1}
        model: toy
        data: none
        resolver: sum
        optimizer: sgd
        schedule: {warmup-rounds: %d, decay: %s, floor: %s}
        """;
    String text =
        spec.formatted(
            rounds, warmup, decay.name().toLowerCase(Locale.ROOT), Double.toString(floor));
    return LearningRateFactor.of(RunSpec.parse(text, "schedule.yaml", List.of()));
  }
}
