package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.ManifestRecord;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Buffers are averaged beside everything that is decided about gradients, and change none of it.
 */
class BuffersTest {
  private static final int ROUNDS = 8;
  private static final int PARAMETERS = MadeUpGradients.size();
  private static final String GCOND = "resolver: {method: gcond, thresholds: [-0.8, -0.5, 0.0]}\n";
  private static final String SELECTED = "selection: {method: smo, tau: 2, learning-rate: 0.3}\n";

  @ParameterizedTest
  @ValueSource(
      strings = {
        GCOND,
        GCOND + "calibrator: vargrad\nclip-norm: 0.5\n" + SELECTED,
        "resolver: moco\ncalibrator: moco\nmomentum: {mode: pure}\n",
        "resolver: graddrop\n",
        RoundTest.UNEQUAL + GCOND + "clip-norm: 0.5\n",
        "resolver: {method: excess-mtl, step: 0.3}\nclip-norm: 0.5\n",
        GCOND + "accumulation: {micro-batches: 6, mode: stochastic}\n",
        "accumulation: {micro-batches: 5, groups: 2}\n" + GCOND + "calibrator: vargrad\n",
        "accumulation: {micro-batches: 3, groups: each}\nresolver: pcgrad\n" + SELECTED,
      })
  void areTheMeanOverTheirTasksAndChangeNothingElse(String lines) {
    final RunSpec spec = MadeUpGradients.spec(lines);
    final var without = new InMemoryRun(spec, MadeUpGradients.manifest(16, 2));
    final Manifest manifest = MadeUpGradients.manifestWithBuffers(16, 2);
    final var with = new InMemoryRun(spec, manifest);
    boolean summed = false;

    for (int round = 0; round < ROUNDS; round++) {
      final InMemoryRun.Outcome expected = without.next();
      final InMemoryRun.Outcome outcome = with.next(3 + 7 * round);

      assertThat(bare(outcome.verdict())).isEqualTo(bare(expected.verdict()));
      assertThat(Arrays.copyOf(outcome.update(), PARAMETERS)).isEqualTo(expected.update());
      assertThat(Arrays.copyOfRange(outcome.update(), PARAMETERS, PARAMETERS + 25))
          .isEqualTo(mean(spec, round, outcome.verdict().getScalarized()));
      summed |= outcome.verdict().getScalarized();
    }
    assertThat(summed).isEqualTo(lines.contains(SELECTED));
    assertThat(with.vectorBytes()).isEqualTo(PartitionRound.vectorBytes(spec, manifest));
  }

  /** Without what names the manifest, and the digests of what has buffers. */
  private static Verdict bare(Verdict verdict) {
    return verdict.toBuilder()
        .clearManifest()
        .clearNonce()
        .clearRun()
        .clearPrevious()
        .clearContributions()
        .clearStatisticsOffset()
        .build();
  }

  /** In float32: slots in their order, then tasks in theirs. */
  private static float[] mean(RunSpec spec, long round, boolean scalarized) {
    final var mean = new float[25];
    for (int i = 0; i < mean.length; i++) {
      final List<Integer> learners = i < 20 ? List.of(0, 1, 2) : List.of(0, 2);
      final List<Integer> tasks = scalarized ? List.of(MadeUpGradients.TASKS) : learners;
      for (final int task : tasks) {
        float sum = MadeUpGradients.takenFromBuffers(round, task, 0)[i];
        for (int slot = 1; slot < spec.slots().of(task); slot++) {
          sum += MadeUpGradients.takenFromBuffers(round, task, slot)[i];
        }
        final float share = (float) (1.0 / (spec.slots().of(task) * tasks.size()));
        mean[i] = Math.fma(share, sum, mean[i]);
      }
    }
    return mean;
  }

  /** The protocol's own example, which was computed elsewhere. */
  @Test
  void areAveragedAsTheProtocolSays() throws IOException, MalformedRecordException {
    final JsonNode vector =
        new ObjectMapper()
            .readTree(
                Files.readString(
                    Path.of("../../proto/protocol/src/test/resources/vectors/buffers.json")));
    final byte[] record = HexFormat.of().parseHex(vector.path("record").asText());
    final Manifest manifest = Manifest.fromRecord(ManifestRecord.parseFrom(record));
    final RunSpec spec =
        RunSpec.parse(
            """
            run: vectors
            rounds: 2
            tasks: [{name: l1, loss: any}, {name: ssim, loss: any}]
            accumulation: {micro-batches: 3}
            model: any
            resolver: sum
            optimizer: any
            """,
            "vectors",
            List.of());
    final Shard both =
        manifest.shards().stream()
            .filter(shard -> manifest.learnersOf(shard).equals(List.of(0, 1)))
            .findFirst()
            .orElseThrow();
    final var rounds =
        new LocalRounds(
            RunDescription.of(spec, manifest),
            Kernels.best(),
            List.of(NamedVectors.inMemory(), NamedVectors.inMemory()));
    for (int task = 0; task < 2; task++) {
      for (int slot = 0; slot < 3; slot++) {
        final String taken = vector.path("taken").path(task).path(slot).asText();
        for (final Shard shard : manifest.shards()) {
          if (manifest.touches(task, shard)) {
            final byte[] values =
                shard.equals(both)
                    ? HexFormat.of().parseHex(taken)
                    : new byte[shard.length() * Float.BYTES];
            rounds.add(gradient(shard.index(), task, slot, MemorySegment.ofArray(values)), 0);
          }
        }
      }
    }
    final byte[] update = rounds.close(rounds.decide()).get(both.index());
    final byte[] values =
        ValuesRecord.read(update, UpdateShard.parser()).values().toArray(ValueLayout.JAVA_BYTE);
    assertThat(HexFormat.of().formatHex(values)).isEqualTo(vector.path("update").asText());
  }

  private static SlotGradient gradient(int shard, int task, int slot, MemorySegment values) {
    return new SlotGradient(
        0,
        shard,
        0,
        ShardStatistics.Slot.newBuilder().setTask(task).setSlot(slot).build(),
        values,
        ValueType.FLOAT32,
        0,
        ByteString.EMPTY);
  }

  @Test
  void aSkippedRoundLeavesThemAlone() {
    final RunSpec spec = MadeUpGradients.spec(GCOND + "on-divergence: skip-round\n");
    final var run = new InMemoryRun(spec, MadeUpGradients.manifestWithBuffers(16, 2));
    run.next();
    assertThat(run.skip(40).getSkipped()).isTrue();

    assertThat(run.lastUpdates().values())
        .allSatisfy(
            record -> {
              final var read = ValuesRecord.read(record, UpdateShard.parser());
              assertThat(read.header().getSkipped()).isTrue();
              assertThat(read.values().mismatch(MemorySegment.ofArray(new byte[record.length])))
                  .isEqualTo(read.values().byteSize());
            });
  }

  @Test
  void travelAsFloat32WhateverTheOthersDo() throws MalformedRecordException {
    final RunSpec spec = MadeUpGradients.spec(GCOND + "transport: {value-type: bfloat16}\n");
    final Manifest manifest = MadeUpGradients.manifestWithBuffers(16, 1);
    final var run = new InMemoryRun(spec, manifest);
    run.next();

    for (final Shard shard : manifest.shards()) {
      final byte[] record = run.lastUpdates().get(shard.index());
      assertThat(ValuesRecord.read(record, UpdateShard.parser()).header().getType())
          .isEqualTo(shard.buffer() ? DataType.FLOAT32 : DataType.BFLOAT16);
    }
    final var rules = SlotGradient.Rules.of(RunDescription.of(spec, manifest), Kernels.scalar());
    assertThatThrownBy(() -> SlotGradient.read(gradient(manifest, spec, 0), 0, 0, rules))
        .hasMessageContaining("the buffers of shard 9 travel as float32");
    assertThatThrownBy(() -> SlotGradient.read(gradient(manifest, spec, 1), 1, 0, rules))
        .hasMessageContaining("shard 9 has buffers of tasks [0, 2], not of 1");
  }

  /** Of the last shard, in bfloat16. */
  private static byte[] gradient(Manifest manifest, RunSpec spec, int task) {
    final Shard last = manifest.shards().getLast();
    return ValuesRecord.allocate(
        RoundOrders.answer(new RoundOrders(spec).of(0, task, 0, 0))
            .setManifest(manifest.hash())
            .setShard(last.index())
            .setType(DataType.BFLOAT16)
            .build(),
        last.length() * ValueType.BFLOAT16.bytes());
  }

  @Test
  void theirStatisticsAreContributionsAlone() {
    final RunSpec spec = MadeUpGradients.spec(GCOND);
    final Manifest manifest = MadeUpGradients.manifestWithBuffers(16, 1);
    final var check = StatisticsCheck.of(spec, manifest, RoundKind.EACH_TASK);
    final var products =
        ShardStatistics.Products.newBuilder()
            .setShard(8)
            .addContributions(ShardStatistics.Contribution.newBuilder().setTask(2).setSlot(1));

    assertThat(check.fits(statistics(products))).isTrue();
    assertThat(check.fits(statistics(products.clone().addGram(1)))).isFalse();
    assertThat(check.fits(statistics(products.clone().setMomentumSquared(1)))).isFalse();
    assertThat(check.fits(statistics(products.clone().setShard(0)))).isFalse();
    products.getContributionsBuilder(0).setSlot(9);
    assertThat(check.fits(statistics(products))).isFalse();
  }

  private static ShardStatistics statistics(ShardStatistics.Products.Builder products) {
    return ShardStatistics.newBuilder().addShards(products).build();
  }

  @Test
  void noNormIsTooLarge() throws MalformedRecordException {
    final RunSpec spec = MadeUpGradients.spec(GCOND + "max-norm-ratio: 2\n");
    final Manifest manifest = MadeUpGradients.manifestWithBuffers(16, 1);
    final var admission = new AdmissionPolicy(RunDescription.of(spec, manifest));
    final Verdict before = Verdict.newBuilder().setNonce(7).addRunningSquared(1).build();

    admission.check(gradient(8), before, 0);
    assertThatThrownBy(() -> admission.check(gradient(0), before, 0))
        .hasMessageContaining("running norm");
  }

  private static SlotGradient gradient(int shard) {
    return new SlotGradient(
        1,
        shard,
        7,
        ShardStatistics.Slot.getDefaultInstance(),
        MemorySegment.NULL,
        ValueType.FLOAT32,
        1e9,
        ByteString.EMPTY);
  }
}
