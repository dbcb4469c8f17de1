package io.gradstream.cli.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SlotGroups;
import io.gradstream.proto.spec.TaskSlots;
import io.gradstream.proto.topic.Connection;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DiagnosisTest {
  private static final String ONE_COPY = "its records lie on one broker each";

  private final RunSummary summary =
      new RunSummary(List.of("first", "second"), TaskSlots.alike(2, new SlotGroups(2, 1)), 0);

  @Test
  void aRunWithoutAnyRoleNamesThoseThatAreMissingAndHowToStartThem() {
    assertThat(of(run(1), crew(0, 0, 0), false))
        .contains(
            "no server works for it; start one with: gradstream server --run r --bootstrap b:1",
            "no arbitrator works for it; start one with: gradstream arbitrator --run r --bootstrap b:1",
            "no worker works for it; start one with: gradstream worker --run r --bootstrap b:1");
  }

  /** A report of the standstill comes after the orders' timeout only. */
  @Test
  void aRoundWhoseWorkersHaveJustEndedIsOpenAndTheyAreMissing() {
    summary.order(0, 1000);
    summary.verdict(Verdict.newBuilder().setRound(0).addAllLosses(List.of(1.0, 1.0)).build(), 2000);

    assertThat(of(run(1), crew(1, 1, 0), false))
        .contains("round 1 is open for 12s")
        .anyMatch(line -> line.startsWith("no worker works for it"))
        .noneMatch(line -> line.startsWith("no server"));
  }

  @Test
  void aReportedStandstillNamesWhatItWaitsFor() {
    final var waiting = Metric.Waiting.newBuilder().setRound(0).setWaitedMs(5000);
    waiting.addSlotsBuilder().setTask(1).setSlot(0);
    summary.metric(Metric.newBuilder().setTimeMs(8000).setWaiting(waiting).build());

    assertThat(of(run(1), new RunMembers(1, 1, 1, Set.of(0), Set.of()), false))
        .anyMatch(line -> line.endsWith("waits for second slots [0] (no worker serves it)"));
  }

  @Test
  void aRoundThatWasFoundNotToEndIsSaidUnlessItIsSkipped() {
    final var statistics = ShardStatistics.newBuilder();
    for (final String worker : List.of("a/0", "b/0")) {
      statistics.getDivergenceBuilder().addRefusedBuilder().setTask(1).setSlot(3).setWorker(worker);
    }
    summary.statistics(statistics.build(), 1000);

    assertThat(of(run(1), crew(1, 1, 1), false))
        .anyMatch(
            line ->
                line.startsWith(
                    "round 0 cannot end: the gradient of task second, slot 3, is refused each time (a value that is not finite, by a/0 and b/0)"));
    assertThat(of(run(1, "on-divergence: skip-round"), crew(1, 1, 1), false))
        .noneMatch(line -> line.contains("cannot end"));

    summary.verdict(skipped(0, 1), 2000);
    assertThat(of(run(1), crew(1, 1, 1), false)).noneMatch(line -> line.contains("cannot end"));
    for (int round = 1; round < 10; round++) {
      summary.verdict(skipped(round, round + 1), 2000);
    }
    summary.statistics(statistics.setRound(10).build(), 1000);
    assertThat(of(run(1, "on-divergence: skip-round"), crew(1, 1, 1), false))
        .anyMatch(
            line -> line.startsWith("round 10 cannot end: the 10 before it were skipped, and"));
  }

  /** An arbitrator that reads its log again waits for decided rounds, too, until it has them. */
  @Test
  void aDecidedRoundIsWaitedForAsLongAsNoVerdictComesAfterTheReport() {
    final var waiting = Metric.Waiting.newBuilder().setRound(0);
    waiting.addSlotsBuilder().setTask(1).setSlot(0);
    summary.metric(Metric.newBuilder().setTimeMs(1500).setWaiting(waiting).build());
    assertThat(summary.decidedRoundWaitedFor()).isEmpty();

    summary.verdict(Verdict.newBuilder().setRound(0).addAllLosses(List.of(1.0, 1.0)).build(), 1000);
    assertThat(summary.decidedRoundWaitedFor()).isPresent();

    summary.verdict(Verdict.newBuilder().setRound(1).addAllLosses(List.of(1.0, 1.0)).build(), 2000);
    assertThat(summary.decidedRoundWaitedFor()).isEmpty();
  }

  private static Verdict skipped(long round, int inARow) {
    return Verdict.newBuilder()
        .setRound(round)
        .setSkipped(true)
        .setSkippedBecause("slot 3 of second is not finite, by a/0 and b/0")
        .setSkippedRounds(inARow)
        .setSkippedInARow(inARow)
        .build();
  }

  @Test
  void skippedRoundsAreInTheTableAndInJson() {
    summary.verdict(skipped(0, 1), 1000);
    final var report = new Report("r", 10, summary, 1, "00", 1, 1);
    assertThat(report.table())
        .contains(
            "skipped     1 rounds, 1 of the last 1, the last round 0: slot 3 of second is not finite");

    summary.verdict(Verdict.newBuilder().setRound(1).addAllLosses(List.of(1.0, 1.0)).build(), 2000);

    assertThat(report.table()).contains("skipped     1 rounds, 1 of the last 2");
    assertThat(report.json().get("skipped_rounds").asLong()).isEqualTo(1);
    assertThat(report.json().get("skipped_in_a_row").asLong()).isZero();
    assertThat(report.json().get("last_skipped").get("round").asLong()).isZero();
    assertThat(report.json().get("losses").get("first").get("first").asDouble()).isEqualTo(1);
  }

  /** A slot's records are refused one by one: as many as it has shards are one attempt. */
  @Test
  void aSlotIsRefusedRepeatedlyWhenOneOfItsShardsIs() {
    assertThat(Refusals.isRepeated(List.of(letter(0), letter(1)))).isFalse();
    assertThat(Refusals.isRepeated(List.of(letter(0), letter(1), letter(0)))).isTrue();
  }

  private static DeadLetter letter(int shard) {
    return DeadLetter.newBuilder().setShard(shard).setReason("not finite").build();
  }

  @Test
  void aRefusalNamesAVersionToGoBackTo() {
    final var refusal = new RefusedSlots.Refusal(12, 1, 3, 2);
    final DeadLetter letter = letter(0);

    assertThat(Refusals.text(run(1), refusal, letter, 7))
        .startsWith(
            "round 12 cannot end: the gradient of task second, slot 3, is refused each time (not finite)")
        .contains("gradstream fork --run r --version 7 --as r-2");
    assertThat(Refusals.text(run(1), refusal, letter, 0)).contains("begin anew under another name");
  }

  @Test
  void whereTheLastWorkerOfTheOnlyKindIsGoneThatIsSaidAndWhatAdmitsAnother() {
    summary.verdict(
        Verdict.newBuilder()
            .setRound(0)
            .addAllLosses(List.of(1.0, 1.0))
            .setFingerprint(0xaa)
            .build(),
        2000);

    assertThat(of(run(1), crew(1, 1, 0), false))
        .anyMatch(
            line ->
                line.startsWith("it takes gradients of arithmetic 00000000000000aa alone")
                    && line.endsWith(
                        "gradstream fork --run r --version 1 --as r-2 --set compute.arithmetic=any"));
    assertThat(of(run(1), crew(1, 1, 1), false)).noneMatch(line -> line.contains("arithmetic"));
  }

  /** A worker of the right kind would not be refused. */
  @Test
  void aRefusalOfAnotherArithmeticDoesNotMeanThatTheRoundCannotEnd() {
    for (int time = 0; time < 3; time++) {
      final var refused = Metric.Refused.newBuilder().setRound(0).setTask(1).setTakes(0xaa);
      summary.metric(Metric.newBuilder().setRefused(refused).build());
    }

    assertThat(summary.refusal()).isEmpty();
  }

  @Test
  void aFinishedRunNeedsNobody() {
    assertThat(of(run(1), crew(0, 0, 0), true)).singleElement().asString().startsWith(ONE_COPY);
    assertThat(of(run(3), crew(0, 0, 0), true)).isEmpty();
  }

  @Test
  void brokersThatAreAwayAreNamed() {
    assertThat(of(run(3), new RunMembers(1, 1, 1, Set.of(0, 1), Set.of(2)), false))
        .containsExactly("brokers [2] hold records of the run and do not answer; start them again");
  }

  private List<String> of(Run run, RunMembers crew, boolean finished) {
    return Diagnosis.of(run, summary, crew, finished, 14_000);
  }

  private static RunMembers crew(int servers, int arbitrators, int workers) {
    return new RunMembers(
        servers, arbitrators, workers, workers == 0 ? Set.of() : Set.of(0, 1), Set.of());
  }

  private static Run run(int replication) {
    return run(replication, "");
  }

  private static Run run(int replication, String more) {
    final var spec =
        RunSpec.parse(
            """
            run: r
            rounds: 10
            tasks:
              - {name: first, loss: quadratic}
              - {name: second, loss: quadratic}
            model: toy
            resolver: sum
            optimizer: {type: sgd, learning-rate: 0.1}
            transport: {replication: %d}
            %s
            """
                .formatted(replication, more),
            "test",
            List.of());
    final var manifest =
        Manifest.of(
            List.of("first", "second"),
            List.of(new TensorShape("shared", new long[] {4}, TensorShape.SHARED)),
            245_760,
            1);
    return new Run(RunDescription.of(spec, manifest), Connection.to("b:1"));
  }
}
