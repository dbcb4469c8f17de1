package io.gradstream.submission;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RecordLimitsTest {
  @Test
  void slotsWhoseStatisticsDoNotFitARecordAreRefused() {
    assertThatThrownBy(() -> RecordLimits.require(run(3, 4096, 1, 10)))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("accumulation.micro-batches: 4096 slots a task and 3 tasks")
        .hasMessageContaining("at most 1745");
    assertThatCode(() -> RecordLimits.require(run(3, 1745, 1, 10))).doesNotThrowAnyException();
  }

  @Test
  void tasksWhoseVerdictsDoNotFitARecordAreRefused() {
    assertThatThrownBy(() -> RecordLimits.require(run(200, 1, 1, 10)))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("tasks: 200 tasks make verdicts");
  }

  @Test
  void groupsWhoseStatisticsOrVerdictsDoNotFitARecordAreRefused() {
    assertThatThrownBy(() -> RecordLimits.require(run(3, 200, 1, 10, "each")))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("accumulation.groups: 200 groups of 3 tasks make statistics")
        .hasMessageContaining("at most")
        .hasMessageContaining("groups: give fewer micro-batches");
    assertThatCode(() -> RecordLimits.require(run(3, 60, 1, 10, "each")))
        .doesNotThrowAnyException();
    assertThatCode(() -> RecordLimits.require(run(3, 200, 1, 10, "3"))).doesNotThrowAnyException();
  }

  /** With groups and a calibrator that needs norms, which makes the rows twice as many. */
  @Test
  void theFormulaHoldsForTheLargestStatisticsOfGroups() {
    final int rows = 5 * 12;
    final var products =
        ShardStatistics.Products.newBuilder()
            .setShard(1_000_000)
            .addAllGram(Collections.nCopies(2 * rows * (2 * rows + 1) / 2, 1.5))
            .addAllCross(Collections.nCopies(12 * 5 * 5, 1.5))
            .addAllMomentum(Collections.nCopies(2 * rows, 1.5))
            .setMomentumSquared(1)
            .addAllSumSquared(Collections.nCopies(5 * 12 * 13 / 2, 1.5));

    assertThat((long) products.build().getSerializedSize() + 200 * 5 * 12)
        .isLessThanOrEqualTo(RecordLimits.statistics(5, 5 * 12, 12));
  }

  @Test
  void shardsWhoseSealDoesNotFitARecordAreRefused() {
    assertThatThrownBy(() -> RecordLimits.require(run(1, 1, 1, 14_000)))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("transport.partitions: 14000 shards on a partition make seals");
    assertThatCode(() -> RecordLimits.require(run(1, 1, 2, 14_000))).doesNotThrowAnyException();
  }

  /** The formulas are bounds of what is written, with the longest names and numbers there are. */
  @Test
  void theFormulasHoldForTheLargestContents() {
    final var contribution =
        ShardStatistics.Contribution.newBuilder()
            .setTask(1000)
            .setSlot(1_000_000)
            .setWorker("w".repeat(128))
            .setOffset(Long.MAX_VALUE)
            .setDigest(ByteString.copyFrom(new byte[32]))
            .build();
    final var numbers = Collections.nCopies(40 * 41 / 2, 1.5);
    final var products =
        ShardStatistics.Products.newBuilder()
            .setShard(1_000_000)
            .addAllGram(numbers)
            .addAllCross(Collections.nCopies(20 * 20, 1.5))
            .addAllMomentum(Collections.nCopies(40, 1.5))
            .setMomentumSquared(1)
            .addAllSlotSquared(Collections.nCopies(20 * 50, 1.5))
            .addAllSumSquared(Collections.nCopies(20, 1.5))
            .addAllContributions(Collections.nCopies(20 * 50, contribution));
    final int written =
        ShardStatistics.newBuilder()
            .setRound(Long.MAX_VALUE)
            .setPartition(1000)
            .setManifest(-1)
            .addShards(products)
            .build()
            .getSerializedSize();
    assertThat((long) written).isLessThanOrEqualTo(RecordLimits.statistics(20, 20 * 50, 1));

    final var sealed =
        WeightSeal.Sealed.newBuilder()
            .setShard(1_000_000)
            .setUpdate(ByteString.copyFrom(new byte[32]))
            .setWeights(ByteString.copyFrom(new byte[32]));
    final var seal =
        WeightSeal.newBuilder()
            .setVersion(Long.MAX_VALUE)
            .setPartition(1000)
            .setManifest(-1)
            .setVerdict(ByteString.copyFrom(new byte[32]))
            .setDigest(ByteString.copyFrom(new byte[32]))
            .setSignature(ByteString.copyFrom(new byte[64]));
    IntStream.range(0, 500).forEach(_ -> seal.addShards(sealed));
    assertThat((long) seal.build().getSerializedSize()).isLessThanOrEqualTo(RecordLimits.seal(500));
  }

  private static RunDescription run(int tasks, int slots, int partitions, int shards) {
    return run(tasks, slots, partitions, shards, "1");
  }

  private static RunDescription run(
      int tasks, int slots, int partitions, int shards, String groups) {
    final List<String> names = IntStream.range(0, tasks).mapToObj(t -> "t" + t).toList();
    final String text =
        """
        run: sizes
        rounds: 3
        tasks:
        %s
        model: toy
        accumulation: {micro-batches: %d, groups: %s}
        resolver: pcgrad
        optimizer: {type: sgd, learning-rate: 0.1}
        transport: {partitions: %d}
        """
            .formatted(
                String.join(
                    "\n",
                    names.stream()
                        .map(name -> "  - {name: " + name + ", loss: landscape}")
                        .toList()),
                slots,
                groups,
                partitions);
    final var shape = new TensorShape("w", new long[] {shards}, TensorShape.SHARED);
    return RunDescription.of(
        RunSpec.parse(text, "the test's spec", List.of()),
        Manifest.of(names, List.of(shape), 1, partitions, false));
  }
}
