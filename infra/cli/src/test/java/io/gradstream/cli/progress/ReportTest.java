package io.gradstream.cli.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.SlotGroups;
import io.gradstream.proto.spec.TaskSlots;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReportTest {
  private final RunSummary summary =
      new RunSummary(List.of("a", "b"), TaskSlots.alike(2, new SlotGroups(1, 1)), 0);

  @Test
  void aTrainingThatDivergedHasNoPercentageOfManyDigits() {
    verdict(0, 1.0, 1.0);
    verdict(1, 3e36, 0.5);

    assertThat(report().table())
        .contains(" +3e+38 %")
        .contains(" -50 %")
        .doesNotContain("00000000");
  }

  @Test
  void tellsRoundsThatMovedNothingInTheTableAndInJson() {
    verdict(0, 1, 1, 0, 0);
    verdict(1, 1, 1, 0.5, 0.5);

    assertThat(report().table())
        .contains(
            "no answer   in 2 rounds, 2 of the last 2 the method used its fallback (GRADIENTS 2); the last: none descends")
        .contains("no update   in 1 rounds, 1 of the last 2 no shared parameter was moved");
    assertThat(report().json().get("fallback_rounds").asInt()).isEqualTo(2);
    assertThat(report().json().get("fallback_rounds_by_code").toString())
        .isEqualTo("{\"GRADIENTS\":2}");
    assertThat(report().json().get("zero_update_rounds").asInt()).isEqualTo(1);
    assertThat(report().json().get("zero_update_rounds_of_last_100").asInt()).isEqualTo(1);
  }

  @Test
  void isSilentOfWhatDidNotHappen() {
    verdict(0, 1, 1);

    assertThat(report().table()).doesNotContain("no answer").doesNotContain("no update");
  }

  @Test
  void namesTheArithmeticAndWhatSeveralMean() {
    verdict(0, 1, 1);
    statistics(0, 0xaa, "cpu");
    assertThat(report().table()).contains("arithmetic  00000000000000aa on cpu");

    statistics(3, 0xaa, "cpu");
    statistics(2, 0, "gpu:0");
    statistics(2, 0, "gpu:0");
    assertThat(report().table())
        .contains(
            "arithmetic  2 kinds computed: no fingerprint on gpu:0 in rounds 2 to 2, 00000000000000aa on cpu in rounds 0 to 3; the digest depends on which of them computed what");
    assertThat(report().json().get("arithmetic").get(1).toString())
        .isEqualTo(
            "{\"fingerprint\":\"00000000000000aa\",\"first_round\":0,\"last_round\":3,\"devices\":[\"cpu\"]}");
  }

  private void statistics(long round, long fingerprint, String device) {
    final var statistics = ShardStatistics.newBuilder().setRound(round);
    statistics.addSlotsBuilder().setFingerprint(fingerprint).setDevice(device);
    summary.statistics(statistics.build(), round);
  }

  private void verdict(long round, double a, double b, double... weights) {
    final var verdict =
        Verdict.newBuilder()
            .setRound(round)
            .addAllLosses(List.of(a, b))
            .addAllGram(List.of(1.0, 0.5, 0.5, 1.0))
            .setFallback(weights.length == 0 ? "" : "none descends")
            .setFallbackCode(
                weights.length == 0 ? Verdict.Fallback.NONE : Verdict.Fallback.GRADIENTS);
    for (final double weight : weights) {
      verdict.addWeights(weight);
    }
    summary.verdict(verdict.build(), round);
  }

  private Report report() {
    return new Report("r", 2, summary, 2, "00", 2, 1);
  }
}
