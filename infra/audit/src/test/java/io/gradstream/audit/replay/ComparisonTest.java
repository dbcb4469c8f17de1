package io.gradstream.audit.replay;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.message.Verdict;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Scale;
import org.junit.jupiter.api.Test;

class ComparisonTest {
  /** Two unit gradients at an obtuse angle. */
  private static final List<Double> GRAM = List.of(1.0, -0.5, -0.5, 1.0);

  private static final Verdict SUM = verdict("sum", 1, 1).build();

  @Property
  void theSameUpdateHasCosineOneExactly(
      @ForAll @DoubleRange(min = 1, max = 10) @Scale(12) double digits,
      @ForAll @IntRange(min = -30, max = 30) int exponent) {
    final double squared = digits * Math.pow(10, exponent);
    final var same = Comparison.of(SUM, SUM, new double[] {squared, squared, squared}, 0);

    assertThat(same.cosine()).isEqualTo(1);
    assertThat(same.normRatio()).isEqualTo(1);
    assertThat(same.difference()).isZero();
    assertThat(same.decisionDiffers()).isFalse();
  }

  @Test
  void updatesThatVanishCanBeTold() {
    final var both = Comparison.of(SUM, SUM, new double[] {0, 0, 0}, 0);
    final var one = Comparison.of(SUM, SUM, new double[] {4, 0, 0}, 4);

    assertThat(both.cosine()).isEqualTo(1);
    assertThat(both.normRatio()).isEqualTo(1);
    assertThat(one.cosine()).isZero();
    assertThat(one.normRatio()).isZero();
    assertThat(one.difference()).isEqualTo(1);
  }

  /** No step makes nothing worse, and is no solution either. */
  @Test
  void anUpdateThatCollapsedIsNotOneWithoutConflicts() {
    final Verdict collapsed = verdict("mgda", 0, 0).build();
    final var summary = new ReplaySummary(List.of(compare(SUM, collapsed)));

    assertThat(Comparison.conflictsLeft(collapsed)).isEmpty();
    assertThat(summary.lines())
        .contains(
            "conflicts left  0 of 1 rounds as recorded, unknown otherwise",
            "no update       0 rounds as recorded, 1 otherwise, of 1");
  }

  @Test
  void allWeightOnATaskWithoutGradientIsACollapse() {
    final Verdict onNothing =
        Verdict.newBuilder()
            .addAllGram(List.of(4.0, 0.0, 0.0, 0.0))
            .addWeights(0)
            .addWeights(1)
            .build();

    assertThat(Comparison.isCollapsed(onNothing)).isTrue();
    assertThat(Comparison.isCollapsed(SUM)).isFalse();
    assertThat(Comparison.isCollapsed(verdict("cagrad", 1e-6, 1e-6).build())).isFalse();
  }

  @Test
  void aLongerStepInTheSameDirectionIsNoOtherDecision() {
    assertThat(compare(SUM, verdict("mgda", 0.5, 0.5).build()).decisionDiffers()).isFalse();
    assertThat(compare(SUM, verdict("cagrad", 1, 1.1).build()).decisionDiffers()).isTrue();
  }

  @Test
  void ofOneMethodThePairsCountAsWell() {
    final var first = verdict("gcond", 1, 1);
    first.addArbitrationsBuilder().setFirst(0).setSecond(1).setZone("weak").setWinner(0);
    final var second = verdict("gcond", 1, 1);
    second.addArbitrationsBuilder().setFirst(0).setSecond(1).setZone("weak").setWinner(1);

    assertThat(compare(first.build(), first.build()).decisionDiffers()).isFalse();
    assertThat(compare(first.build(), second.build()).decisionDiffers()).isTrue();
    assertThat(compare(first.build(), SUM).decisionDiffers()).isFalse();
  }

  @Test
  void aTaskIsLeftInConflictWhenTheSumPointsAgainstIt() {
    assertThat(Comparison.conflictsLeft(SUM)).hasValue(0);
    assertThat(Comparison.conflictsLeft(verdict("mgda", 1, 0.1).build())).hasValue(1);
    // Along the other's normal plane, but for rounding.
    assertThat(Comparison.conflictsLeft(verdict("pcgrad", 1, 0.5).build())).hasValue(0);
    assertThat(Comparison.conflictsLeft(Verdict.getDefaultInstance())).isEmpty();
  }

  private static Comparison compare(Verdict recorded, Verdict alternative) {
    return Comparison.of(recorded, alternative, new double[] {1, 1, 1}, 0);
  }

  private static Verdict.Builder verdict(String resolver, double first, double second) {
    return Verdict.newBuilder()
        .setResolver(resolver)
        .addAllGram(GRAM)
        .addWeights(first)
        .addWeights(second);
  }
}
