package io.gradstream.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.ValidationChain;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The log of a run of quadratics, written without Kafka by the classes that the services are made
 * of: a real model's gradients, summed, judged and applied, each record where it belongs.
 */
public final class RecordedRun {
  private static final String SPEC =
      """
      run: made
      seed: 7
      rounds: 6
      tasks:
        - {name: first, loss: quadratic}
        - {name: second, loss: quadratic}
      accumulation: {mode: sequential, micro-batches: 2, batch-size: 1}
      model: {type: toy, dimension: 60, own-dimension: 8, tensors: 3, noise: 0.1}
      resolver: {method: gcond, thresholds: [-0.8, -0.5, 0.0]}
      optimizer: {type: adamw, learning-rate: 0.02, weight-decay: 0.0}
      transport: {partitions: 2, shard-values: 16}
      """;

  private final RunDescription run;
  private final MemoryLog log;
  private final TaskModel model;
  private final Recalculation services;
  private final ValidationChain validations;
  private final RoundOrders orders;
  private final SlotGradient.Rules rules;
  private final Worker second;
  private final long fingerprint;

  /**
   * The worker of the second task.
   *
   * @param fingerprint of the arithmetic that it says it has; that of the model where it is 0
   * @param factor what it multiplies its gradients by, as another arithmetic might, or a liar
   * @param data digest of the samples that it says it computes on; empty where it does not know
   * @param ofBuffers what it multiplies by what it takes away from buffers
   */
  public record Worker(long fingerprint, float factor, ByteString data, float ofBuffers) {
    static final Worker HONEST = new Worker(0, 1);

    /** One that is honest about buffers. */
    public Worker(long fingerprint, float factor, ByteString data) {
      this(fingerprint, factor, data, 1);
    }

    /** One that does not know its samples. */
    public Worker(long fingerprint, float factor) {
      this(fingerprint, factor, ByteString.EMPTY);
    }
  }

  private RecordedRun(RunSpec spec, TaskModel model, Worker second) {
    this.second = second;
    this.fingerprint = model.fingerprint();
    this.model = model;
    this.run =
        RunDescription.of(
            spec,
            Manifest.of(
                List.of("first", "second"),
                model.tensors(),
                spec.transport().shardValues(),
                spec.transport().partitions()));
    this.log = new MemoryLog(run);
    this.services = new Recalculation(run, PartitionState.begun(log));
    this.validations = new ValidationChain(run);
    this.orders = new RoundOrders(spec);
    this.rules = SlotGradient.Rules.of(run, Kernels.scalar());
  }

  /** Trains a run to its end; overrides are assignments such as {@code rounds=3}. */
  public static MemoryLog train(String... overrides) {
    return train(Worker.HONEST, Set.of(), overrides);
  }

  /** The same with another worker for the second task. */
  public static MemoryLog train(Worker second, String... overrides) {
    return train(second, Set.of(), overrides);
  }

  /** The same, and in some rounds a slot is not finite, so that they are skipped. */
  public static MemoryLog skipping(Set<Long> skipped, String... overrides) {
    return train(Worker.HONEST, skipped, overrides);
  }

  private static MemoryLog train(Worker second, Set<Long> skipped, String... overrides) {
    final RunSpec spec = RunSpec.parse(SPEC, "test", List.of(overrides));
    try (TaskModel model = Models.create(spec)) {
      final var run = new RecordedRun(spec, model, second);
      run.begin();
      for (long round = 0; round < spec.rounds(); round++) {
        run.next(round, skipped.contains(round));
      }
      return run.log;
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("a record of its own", e);
    }
  }

  private void begin() throws MalformedRecordException {
    model.initialize(run.spec().seed());
    for (final Shard shard : run.manifest().shards()) {
      final var header =
          UpdateShard.newBuilder()
              .setShard(shard.index())
              .setManifest(run.manifest().hash())
              .setInitial(true)
              .setType(DataType.FLOAT32)
              .setVerdict(run.digest())
              .setDigest(Digests.UNKNOWN)
              .build();
      final int bytes = shard.length() * Float.BYTES;
      final byte[] record = ValuesRecord.allocate(header, bytes);
      final MemorySegment values = ValuesRecord.valuesOf(record, bytes);
      values.copyFrom(model.weights().asSlice(shard.offset() * Float.BYTES, bytes));
      Digests.seal(record, header, values);
      log.append(run.topics().updates(), shard.partition(), Keys.shard(shard.index()), record);
      services.initialize(record);
    }
    publishWeights(run.digest());
    validate(0);
  }

  private void next(long round, boolean skips) throws MalformedRecordException {
    services.copyWeights(model.weights());
    final long nonce = services.rounds().last().map(Verdict::getNonce).orElse(0L);
    for (final Order order : orders.of(round, RoundKind.EACH_TASK)) {
      if (skips && order.getTask() == 1 && order.getSlot() == 1) {
        continue;
      }
      final double loss = model.gradient(order.getTask(), order.getMicroBatch());
      final Worker worker = order.getTask() == 0 ? Worker.HONEST : second;
      final long parameters = run.manifest().parameters() * Float.BYTES;
      scale(model.gradient().asSlice(0, parameters), worker.factor());
      scale(model.gradient().asSlice(parameters), worker.ofBuffers());
      for (final Shard shard : run.manifest().shards()) {
        if (run.manifest().touches(order.getTask(), shard)) {
          final byte[] record =
              gradient(
                  run,
                  order,
                  nonce,
                  "worker-" + order.getTask(),
                  worker.fingerprint() == 0 ? fingerprint : worker.fingerprint(),
                  worker.data(),
                  loss,
                  shard,
                  model.gradient());
          final long offset =
              log.append(
                  run.topics().gradients(order.getTask()),
                  shard.partition(),
                  Keys.shard(shard.index()),
                  record);
          services
              .rounds()
              .add(SlotGradient.read(record, order.getTask(), shard.partition(), rules), offset);
        }
      }
    }
    Optional<Verdict> verdict = Optional.empty();
    for (final ShardStatistics statistics :
        skips ? List.of(diverged(round, nonce)) : services.rounds().statistics()) {
      final long offset =
          log.append(run.topics().statistics(), 0, Keys.round(round), statistics.toByteArray());
      verdict = services.rounds().decide(statistics, offset);
    }
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      log.append(
          run.topics().verdicts(),
          partition,
          Keys.round(round),
          Digests.canonical(verdict.orElseThrow()));
    }
    final var updates = services.rounds().close(verdict.orElseThrow());
    updates.forEach(
        (shard, update) ->
            log.append(
                run.topics().updates(),
                run.manifest().shard(shard).partition(),
                Keys.shard(shard),
                update));
    services.apply(updates);
    publishWeights(Digests.of(verdict.orElseThrow()));
    validate(round + 1);
  }

  /** As the evaluator does it, with losses that nobody looks at. */
  private void validate(long version) {
    final int every = run.spec().evaluation().every();
    if (every > 0 && version % every == 0) {
      final byte[] weights = HexFormat.of().parseHex(services.sha256());
      final var losses =
          Metric.Validation.newBuilder()
              .setVersion(version)
              .putLosses("first", 0.5)
              .setWeights(ByteString.copyFrom(weights));
      log.append(
          run.topics().metrics(),
          0,
          "validation".getBytes(UTF_8),
          validations
              .next(Metric.newBuilder().setValidation(losses).build(), "evaluator", null)
              .toByteArray());
    }
  }

  private static void scale(MemorySegment gradient, float factor) {
    for (long at = 0; at < gradient.byteSize(); at += Float.BYTES) {
      gradient.set(ValueType.FLOAT, at, factor * gradient.get(ValueType.FLOAT, at));
    }
  }

  /** What an arbitrator says of a slot that two workers have no finite gradient of. */
  private ShardStatistics diverged(long round, long nonce) throws MalformedRecordException {
    final Order order = orders.of(round, 1, 1, 0);
    final Shard shard = run.manifest().shard(0);
    final var statistics =
        ShardStatistics.newBuilder()
            .setRound(round)
            .setPartition(shard.partition())
            .setManifest(run.manifest().hash());
    statistics.getDivergenceBuilder().setShard(shard.index());
    for (final String worker : List.of("alice/0", "bob/0")) {
      final byte[] record =
          gradient(run, order, nonce, worker, Double.NaN, shard, model.gradient());
      final long offset =
          log.append(
              run.topics().gradients(1), shard.partition(), Keys.shard(shard.index()), record);
      statistics
          .getDivergenceBuilder()
          .addRefusedBuilder()
          .setTask(1)
          .setSlot(1)
          .setWorker(worker)
          .setOffset(offset)
          .setDigest(ValuesRecord.read(record, GradientShard.parser()).header().getDigest());
    }
    return statistics.build();
  }

  private void publishWeights(ByteString verdict) {
    for (final Shard shard : run.manifest().shards()) {
      log.append(
          run.topics().weights(),
          shard.partition(),
          Keys.shard(shard.index()),
          services.weights(shard));
    }
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      log.append(
          run.topics().weights(),
          partition,
          Keys.seal(),
          services.seal(partition, run.digest(), verdict).toByteArray());
    }
  }

  /** A worker's record of a shard of a flat float32 gradient, with its digest. */
  public static byte[] gradient(
      RunDescription run,
      Order order,
      long nonce,
      String worker,
      double loss,
      Shard shard,
      MemorySegment flat) {
    return gradient(run, order, nonce, worker, 0, ByteString.EMPTY, loss, shard, flat);
  }

  private static byte[] gradient(
      RunDescription run,
      Order order,
      long nonce,
      String worker,
      long fingerprint,
      ByteString data,
      double loss,
      Shard shard,
      MemorySegment flat) {
    final ValueType type = shard.travelsAs(run.spec().transport().valueType());
    final GradientShard header =
        RoundOrders.answer(order)
            .setShard(shard.index())
            .setNonce(nonce)
            .setManifest(run.manifest().hash())
            .setWorker(worker)
            .setFingerprint(fingerprint)
            .setBatchDigest(data)
            .setSamples(1)
            .setLoss(loss)
            .setType(ValuesRecord.typeOf(type))
            .setDigest(Digests.UNKNOWN)
            .build();
    final int bytes = shard.length() * type.bytes();
    final byte[] record = ValuesRecord.allocate(header, bytes);
    final MemorySegment values = ValuesRecord.valuesOf(record, bytes);
    Kernels.scalar()
        .convert(
            values,
            type,
            flat.asSlice(shard.offset() * Float.BYTES, (long) shard.length() * Float.BYTES),
            ValueType.FLOAT32,
            shard.length());
    final ByteString digest =
        Digests.of(run.digest(), run.topics().nameOf(order.getTask()), header, values);
    ValuesRecord.replaceHeader(record, header.toBuilder().setDigest(digest).build());
    return record;
  }
}
