package io.gradstream.cli;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.arbitrator.round.RoundDecider;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.cli.submission.CheckedSpec;
import io.gradstream.cli.weights.Weights;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSpec;
import io.gradstream.proto.state.Vectors;
import io.gradstream.proto.tensor.Kernels;
import io.gradstream.proto.tensor.ValueType;
import io.gradstream.server.dispatch.RoundOrders;
import io.gradstream.server.weights.PartitionWeights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A run without a stream: the services' own arithmetic in one loop on one thread and one partition,
 * nothing published, nothing kept. What a run over Kafka has to agree with to the bit.
 *
 * <p>For runs in the scope of shared parameters whose values travel as float32.
 */
final class InProcessTraining {
  private final RunSpec spec;
  private final TaskModel model;
  private final Manifest manifest;
  private final Kernels kernels = Kernels.best();
  private final RoundOrders orders;
  private final PartitionRound round;
  private final RoundDecider decider;
  private final PartitionWeights weights;

  private InProcessTraining(RunSpec spec, TaskModel model) {
    this.spec = spec;
    this.model = model;
    this.manifest =
        Manifest.of(
            spec.tasks().stream().map(TaskSpec::name).toList(),
            model.tensors(),
            spec.transport().shardValues(),
            1);
    this.orders = new RoundOrders(spec);
    this.round = new PartitionRound(spec, manifest, 0, kernels, Vectors.inMemory());
    this.decider = new RoundDecider(RunDescription.of(spec, manifest));
    this.weights = new PartitionWeights(spec, manifest, 0, kernels, Vectors.inMemory());
  }

  /** The digest of the weights after all rounds. */
  static String sha256(CheckedSpec checked) {
    try (TaskModel model = checked.models().get()) {
      final var training = new InProcessTraining(checked.spec(), model);
      training.initialize();
      boolean summed = false;
      for (long number = 0; number < checked.spec().rounds(); number++) {
        summed = training.next(summed).getNextSummed();
      }
      return new Weights(checked.spec().rounds(), model.weights()).sha256();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("a record of its own", e);
    }
  }

  private void initialize() throws MalformedRecordException {
    model.initialize(spec.seed());
    for (final Shard shard : manifest.shards()) {
      final var header =
          UpdateShard.newBuilder()
              .setShard(shard.index())
              .setManifest(manifest.hash())
              .setInitial(true)
              .setType(DataType.FLOAT32)
              .build();
      final byte[] record = ValuesRecord.allocate(header, shard.length() * Float.BYTES);
      final MemorySegment values = ValuesRecord.valuesOf(record, shard.length() * Float.BYTES);
      values.copyFrom(piece(model.weights(), shard));
      weights.initialize(ValuesRecord.read(record, UpdateShard.parser()));
    }
  }

  private Verdict next(boolean summed) throws MalformedRecordException {
    for (final Order order : orders.of(round.round(), summed)) {
      add(order);
    }
    Verdict verdict = null;
    for (final ShardStatistics statistics : round.statistics()) {
      verdict = decider.add(statistics, 0).orElse(null);
    }
    if (verdict == null) {
      throw new IllegalStateException("all statistics are in, and there is no verdict");
    }
    final byte[][] updates = new byte[manifest.shards().size()][];
    round.close(verdict, (shard, update) -> updates[shard.index()] = update);
    for (final Shard shard : manifest.shards()) {
      if (weights.version(shard.index()) == verdict.getRound()) {
        apply(weights.together(shard), updates);
      }
    }
    return verdict;
  }

  private void add(Order order) {
    final int tasks = spec.tasks().size();
    final int task = order.getTask();
    final var report = ShardStatistics.Slot.newBuilder().setTask(task).setSlot(order.getSlot());
    if (task < tasks) {
      report.setLoss(model.gradient(task, order.getMicroBatch()));
    } else {
      for (final double loss : model.summedGradient(order.getMicroBatch())) {
        report.addTaskLosses(loss);
      }
    }
    for (final Shard shard : manifest.shards()) {
      if (manifest.touches(task, shard)) {
        final MemorySegment values = piece(model.gradient(), shard);
        round.add(
            new SlotGradient(
                order.getRound(),
                shard.index(),
                order.getTicket(),
                report.build(),
                values,
                ValueType.FLOAT32,
                kernels.squaredNorm(values, ValueType.FLOAT32, shard.length()),
                ByteString.EMPTY),
            0);
      }
    }
  }

  private void apply(List<Shard> together, byte[][] updates) throws MalformedRecordException {
    final var records = new ArrayList<ValuesRecord<UpdateShard>>();
    for (final Shard shard : together) {
      records.add(ValuesRecord.read(updates[shard.index()], UpdateShard.parser()));
    }
    weights.apply(together, records);
    for (final Shard shard : together) {
      final byte[] record = weights.record(shard);
      piece(model.weights(), shard)
          .copyFrom(ValuesRecord.read(record, WeightShard.parser()).values());
    }
  }

  private static MemorySegment piece(MemorySegment flat, Shard shard) {
    return flat.asSlice(shard.offset() * Float.BYTES, (long) shard.length() * Float.BYTES);
  }
}
