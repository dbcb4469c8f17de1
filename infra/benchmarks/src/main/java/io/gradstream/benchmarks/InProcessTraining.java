package io.gradstream.benchmarks;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.GradientKind;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.record.WeightRecord;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSpec;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.weights.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Stream;

/**
 * A run without a stream: the services' own arithmetic in one loop on one partition, where nothing
 * is published or kept. A run over Kafka must agree with it to the bit, and its speed is compared
 * with this loop's.
 *
 * <p>As many threads as there are workers compute gradients, each with a model; one adds them up,
 * in slot order, and does all the rest. What would travel as bfloat16 is rounded to it. It is for
 * runs with {@code scope: shared}.
 */
public final class InProcessTraining implements AutoCloseable {
  /** A slot's gradient, and what its worker says of it. */
  private record Computed(Order order, ShardStatistics.Slot report, MemorySegment gradient) {}

  /**
   * What a training came to.
   *
   * @param sha256 digest of the last weights
   * @param weights the last weights, in flat order
   * @param roundSeconds how long each round took
   */
  public record Outcome(String sha256, List<Float> weights, List<Double> roundSeconds) {}

  private final RunSpec spec;
  private final ValueType valueType;
  private final BlockingQueue<TaskModel> models = new LinkedBlockingQueue<>();
  private final List<TaskModel> all;
  private final ExecutorService threads;
  private final Arena arena = Arena.ofAuto();
  private final Map<List<Integer>, MemorySegment> gradients = new HashMap<>();
  private final Manifest manifest;
  private final Kernels kernels = Kernels.best();
  private final RoundOrders orders;
  private final Recalculation run;

  private InProcessTraining(CheckedSpec checked, int workers) {
    this.spec = checked.spec();
    this.valueType = spec.transport().valueType();
    this.all = Stream.generate(checked.models()).limit(workers).toList();
    this.models.addAll(all);
    this.threads = Executors.newFixedThreadPool(workers);
    this.manifest =
        Manifest.of(
            spec.tasks().stream().map(TaskSpec::name).toList(),
            all.getFirst().tensors(),
            spec.transport().shardValues(),
            1);
    this.orders = new RoundOrders(spec);
    this.run =
        new Recalculation(
            RunDescription.of(spec, manifest), List.of(PartitionState.empty()), kernels);
  }

  /** The digest of the weights after all rounds. */
  public static String sha256(CheckedSpec checked) {
    return train(checked, 1).sha256();
  }

  /** Trains all rounds. */
  public static Outcome train(CheckedSpec checked, int workers) {
    try (var training = new InProcessTraining(checked, workers)) {
      training.initialize();
      final var seconds = new ArrayList<Double>();
      boolean scalarized = false;
      for (long number = 0; number < checked.spec().rounds(); number++) {
        final long start = System.nanoTime();
        scalarized = training.next(scalarized).getNextScalarized();
        seconds.add((System.nanoTime() - start) / 1e9);
      }
      final MemorySegment last = training.all.getFirst().weights();
      final var weights = new ArrayList<Float>();
      for (long i = 0; i < training.manifest.size(); i++) {
        weights.add(last.getAtIndex(ValueType.FLOAT, i));
      }
      return new Outcome(new Weights(checked.spec().rounds(), last).sha256(), weights, seconds);
    } catch (MalformedRecordException | ExecutionException e) {
      throw new IllegalStateException(
          "the benchmark's own record cannot be read, or a gradient failed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while training", e);
    }
  }

  @Override
  public void close() {
    threads.close();
    all.forEach(TaskModel::close);
  }

  private void initialize() throws MalformedRecordException {
    all.forEach(model -> model.initialize(spec.seed()));
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
      values.copyFrom(piece(all.getFirst().weights(), shard, ValueType.FLOAT32));
      run.initialize(record);
      handOut(shard);
    }
  }

  private Verdict next(boolean scalarized)
      throws MalformedRecordException, ExecutionException, InterruptedException {
    final var computing = new ArrayList<Future<Computed>>();
    for (final Order order : orders.of(run.rounds().round(), RoundKind.of(scalarized))) {
      computing.add(threads.submit(() -> compute(order)));
    }
    for (final Future<Computed> computed : computing) {
      add(computed.get());
    }
    final Verdict verdict = run.rounds().decide();
    run.apply(run.rounds().close(verdict));
    for (final Shard shard : manifest.shards()) {
      handOut(shard);
    }
    return verdict;
  }

  private Computed compute(Order order) throws InterruptedException {
    final TaskModel model = models.take();
    try {
      final int task = order.getTask();
      final var report = ShardStatistics.Slot.newBuilder().setTask(task).setSlot(order.getSlot());
      if (order.getKind() == GradientKind.TASK) {
        report.setLoss(model.gradient(task, order.getMicroBatch()));
      } else {
        for (final double loss : model.scalarizedGradient(order.getMicroBatch())) {
          report.addTaskLosses(loss);
        }
      }
      // The model's own gradient is overwritten by its next slot, which may begin before this one
      // is added.
      final MemorySegment gradient = gradientOf(task, order.getSlot());
      kernels.convert(gradient, valueType, model.gradient(), ValueType.FLOAT32, manifest.size());
      return new Computed(order, report.build(), gradient);
    } finally {
      models.add(model);
    }
  }

  private synchronized MemorySegment gradientOf(int task, int slot) {
    return gradients.computeIfAbsent(
        List.of(task, slot),
        key -> arena.allocate(manifest.size() * valueType.bytes(), Float.BYTES));
  }

  private void add(Computed computed) {
    final Order order = computed.order();
    for (final Shard shard : manifest.shards()) {
      if (manifest.touches(order.getTask(), shard)) {
        final MemorySegment values = piece(computed.gradient(), shard, valueType);
        run.rounds()
            .add(
                new SlotGradient(
                    order.getRound(),
                    shard.index(),
                    order.getNonce(),
                    computed.report(),
                    values,
                    valueType,
                    kernels.squaredNorm(values, valueType, shard.length()),
                    ByteString.EMPTY),
                0);
      }
    }
  }

  /** Brings a shard's weights to the models, the way they would have travelled. */
  private void handOut(Shard shard) throws MalformedRecordException {
    final WeightRecord record = WeightRecord.read(run.weights(shard), manifest);
    all.forEach(model -> record.copyTo(model.weights(), kernels));
  }

  private static MemorySegment piece(MemorySegment flat, Shard shard, ValueType type) {
    return flat.asSlice(shard.offset() * type.bytes(), (long) shard.length() * type.bytes());
  }
}
