package io.gradstream.audit.fork;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.ByteString;
import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.check.Audit;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.Demands;
import io.gradstream.audit.check.WorkerSpotCheck;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.lineage.Lineage;
import io.gradstream.audit.restore.PastWeights;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.manifest.Tensor;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Whoever reads the log of a run with buffers takes them as the services took them. */
class BuffersTest {
  private static final String BUFFERS = "model.buffers=5";
  private static final MemoryLog LOG = RecordedRun.train(BUFFERS);

  @Test
  void anAuditComputesThemAlike() {
    for (final MemoryLog log :
        List.of(
            LOG,
            RecordedRun.train(BUFFERS, "transport.value-type=bfloat16"),
            RecordedRun.train(BUFFERS, "optimizer={type: lion-lars, learning-rate: 0.01}"),
            RecordedRun.skipping(Set.of(1L, 3L), BUFFERS, "on-divergence=skip-round"))) {
      try (TaskModel model = Models.create(log.run().spec());
          var audit = new Audit(log, Demands.all(), new WorkerSpotCheck(log.run(), 1, model))) {
        final AuditReport report = audit.run(round -> {});

        assertThat(report.findings()).isEmpty();
        assertThat(report.rounds()).isEqualTo(6);
        assertThat(report.weightsCompared()).isEqualTo(7L * log.run().manifest().shards().size());
      }
    }
  }

  /** Of six rounds of two slots, by the toy's own numbers: their mean moves it by a tenth. */
  @Test
  void theyHoldRunningMeansWhateverTheGradientsDo() throws MalformedRecordException {
    final Manifest manifest = LOG.run().manifest();
    final Tensor running = tensor(manifest, "running");
    final float[] expected = new float[5];
    final RunSpec spec = LOG.run().spec();
    try (TaskModel model = Models.create(spec)) {
      model.initialize(spec.seed());
      for (int round = 0; round < 6; round++) {
        for (int i = 0; i < expected.length; i++) {
          model.weights().setAtIndex(ValueType.FLOAT, running.offset() + i, expected[i]);
        }
        final float[] taken = new float[5];
        for (int task = 0; task < 2; task++) {
          for (int slot = 0; slot < 2; slot++) {
            model.gradient(task, 2L * round + slot);
            for (int i = 0; i < taken.length; i++) {
              taken[i] += model.gradient().getAtIndex(ValueType.FLOAT, running.offset() + i) / 4;
            }
          }
        }
        for (int i = 0; i < taken.length; i++) {
          expected[i] -= taken[i];
        }
      }
    }
    final float[] found = values(PastWeights.newest(LOG).values(), running);

    assertThat(found).containsExactly(expected, within(1e-6f));
    final MemoryLog others =
        RecordedRun.train(
            BUFFERS,
            "optimizer={type: sgd, learning-rate: 0.5}",
            "resolver=pcgrad",
            "clip-norm=0.1",
            "schedule={warmup-rounds: 3, decay: cosine}",
            "calibrator=vargrad",
            "transport.value-type=bfloat16");
    assertThat(values(PastWeights.newest(others).values(), running)).isEqualTo(found);
    assertThat(values(PastWeights.newest(others).published(), running)).isEqualTo(found);
    final LogRecord last =
        others.find(
            others.run().topics().weights(), record -> isOf(record, manifest.shards().getLast()));
    assertThat(ValuesRecord.read(last.bytes(), WeightShard.parser()).header().getType())
        .isEqualTo(DataType.FLOAT32);
  }

  private static boolean isOf(LogRecord record, Shard shard) {
    final byte[] key = record.key();
    return key != null && key[3] == shard.index();
  }

  private static Tensor tensor(Manifest manifest, String name) {
    return manifest.tensors().stream()
        .filter(tensor -> tensor.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static float[] values(MemorySegment flat, Tensor tensor) {
    final var values = new float[(int) tensor.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = flat.getAtIndex(ValueType.FLOAT, tensor.offset() + i);
    }
    return values;
  }

  @Test
  void aWorkerThatLiesAboutThemAloneIsFound() {
    final MemoryLog log =
        RecordedRun.train(new RecordedRun.Worker(0, 1, ByteString.EMPTY, 1.01f), BUFFERS);
    try (TaskModel model = Models.create(log.run().spec());
        var audit = new Audit(log, Demands.all(), new WorkerSpotCheck(log.run(), 1, model))) {
      assertThat(audit.run(round -> {}).findings())
          .hasSize(12)
          .allSatisfy(
              finding ->
                  assertThat(finding.what())
                      .contains("of second, what it takes from the buffers")
                      .contains("relative error 0.01"));
    }
  }

  @Test
  void aChangedValueOfABufferIsFoundByItsName() {
    final MemoryLog log = LOG.copy();
    final Shard last = log.run().manifest().shards().getLast();
    final LogRecord update =
        log.find(log.run().topics().updates(), record -> isOf(record, last, 3));
    final byte[] forged = update.bytes().clone();
    forged[forged.length - 2] ^= 1;
    log.replace(update, forged);

    try (var audit = new Audit(log, Demands.all(), null)) {
      assertThat(audit.run(round -> {}).findings())
          .anySatisfy(finding -> assertThat(finding.toString()).contains("running.second[4]"));
    }
  }

  private static boolean isOf(LogRecord record, Shard shard, long round) {
    try {
      final var header = ValuesRecord.read(record.bytes(), UpdateShard.parser()).header();
      return header.getShard() == shard.index() && header.getRound() == round;
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aForkTakesThemOverWithoutMoments() {
    final ForkPoint point = ForkPoint.at(LOG, 4, round -> {});
    final Manifest manifest = LOG.run().manifest();
    long moments = 0;
    for (int partition = 0; partition < manifest.partitions(); partition++) {
      final PartitionState state = point.state(partition, point.verdict());
      moments += state.moments().all().values().stream().mapToLong(MemorySegment::byteSize).sum();
    }
    assertThat(moments).isEqualTo((manifest.size() + manifest.parameters()) * Float.BYTES);
  }

  @Test
  void lineageNamesTheGradientsThatTheyFollowFrom() {
    final var lineage = new Lineage(LOG);
    final var products =
        requireNonNull(
                lineage
                    .round(3, passed -> {})
                    .products()
                    .get(LOG.run().manifest().shards().getLast().index()))
            .products();

    assertThat(products.getContributionsList()).hasSize(2).allMatch(each -> each.getTask() == 1);
    assertThat(products.getGramCount() + products.getSlotSquaredCount()).isZero();
    assertThat(lineage.changes(3))
        .filteredOn(change -> change.tensor().startsWith("running"))
        .hasSize(3)
        .allMatch(change -> change.norm() > 0);
  }
}
