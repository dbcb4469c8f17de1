package io.gradstream.producer.evaluator;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.producer.model.Provenance;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.evidence.ValidationChain;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogFollower;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightAssembler;
import io.gradstream.proto.run.NewestVersion;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.topic.Connection;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes losses on held-out data for every M-th weights version, the first and the last.
 *
 * <p>It reads the weights topic from its beginning at its own pace, so it misses no version that
 * the log still has, however slow it is, and the workers never wait for it. Versions that the
 * metrics topic has losses of are skipped, so a restarted evaluator goes on where it stopped; what
 * others wrote there does not count. It ends by itself after the last version.
 */
public final class Evaluator implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Evaluator.class);
  private static final Duration POLL = Duration.ofMillis(500);

  private static final int FETCH_BYTES = 8 * 1024 * 1024;

  private final Run run;
  private final Supplier<TaskModel> models;
  private final String name;
  private final @Nullable Signer signer;
  private final ValidationChain validations;
  private final WeightAssembler assembler;
  private final Set<Long> evaluatedVersions = new HashSet<>();
  private final LogFollower weights;
  private final LogReader verdicts;
  private final NewestVersion newest;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final Thread thread;
  private volatile boolean closed;

  private Evaluator(Run run, Supplier<TaskModel> models, @Nullable Signer signer) {
    this.run = run;
    this.models = models;
    this.signer = signer;
    this.name = signer != null ? signer.name() : ManagementFactory.getRuntimeMXBean().getName();
    this.validations = new ValidationChain(run.description());
    this.assembler =
        new WeightAssembler(run.description(), Kernels.best(), Integer.MAX_VALUE, this::isDue);
    this.verdicts = new LogReader(run.connection(), run.topics().run() + ".evaluator");
    this.newest = new NewestVersion(run, verdicts);
    this.weights = new LogFollower(() -> new KafkaConsumer<>(settings(run)));
    this.thread = Thread.ofPlatform().name("evaluator").daemon().unstarted(this::work);
  }

  /**
   * Most versions are not evaluated, and nobody waits for those that are: they are fetched many at
   * a time, or twice a second, instead of one by one.
   */
  private static Map<String, Object> settings(Run run) {
    final Map<String, Object> config = run.connection().consumer();
    config.put(ConsumerConfig.FETCH_MIN_BYTES_CONFIG, FETCH_BYTES);
    return config;
  }

  /**
   * Starts an evaluator.
   *
   * @param models makes its model, on its thread
   */
  public static Evaluator start(Run run, Supplier<TaskModel> models) {
    return start(run, models, null);
  }

  /**
   * The same with a key, where the run lists those of its evaluators.
   *
   * @param signer whose key signs the losses; null where nobody has to
   * @throws io.gradstream.proto.UserError if the run lists such keys and none is given
   */
  public static Evaluator start(Run run, Supplier<TaskModel> models, @Nullable Signer signer) {
    Signer.requireFor(run.spec(), Role.EVALUATOR, signer);
    final var evaluator = new Evaluator(run, models, signer);
    evaluator.thread.start();
    return evaluator;
  }

  private void work() {
    try (weights;
        verdicts;
        Producer<byte[], byte[]> metrics = new KafkaProducer<>(run.connection().producer());
        TaskModel model = models.get()) {
      Provenance.require(run.description(), model);
      readEvaluatedVersions();
      final List<TopicPartition> partitions =
          IntStream.range(0, run.manifest().partitions())
              .mapToObj(partition -> new TopicPartition(run.topics().weights(), partition))
              .toList();
      weights.follow(partitions);
      while (!closed && !evaluatedVersions.contains(run.spec().rounds())) {
        for (final LogRecord record : weights.poll(POLL)) {
          if (!closed) {
            add(record, model, metrics);
          }
        }
      }
    } catch (WakeupException e) {
      LOG.debug("the evaluator was closed while polling");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (UserError e) {
      LOG.error("the evaluator of run {} stops: {}", run.spec().run(), e.getMessage());
      failure.set(e);
    } catch (ExecutionException | TimeoutException | RuntimeException e) {
      LOG.error("the evaluator of run {} stops because of a fault", run.spec().run(), e);
      failure.set(e);
    }
  }

  private void readEvaluatedVersions() {
    final var partition = new TopicPartition(run.topics().metrics(), 0);
    try (LogReader log = new LogReader(run.connection(), run.topics().run() + ".evaluator")) {
      log.read(
          partition,
          0,
          log.end(partition),
          record -> {
            try {
              final Metric metric = Metric.parseFrom(record.bytes());
              if (metric.hasValidation()) {
                validations.take(metric);
                evaluatedVersions.add(metric.getValidation().getVersion());
              }
            } catch (InvalidProtocolBufferException e) {
              skip(partition, record.offset(), "not a metric");
            } catch (MalformedRecordException e) {
              skip(partition, record.offset(), e.getMessage());
            }
          });
    }
  }

  private static void skip(TopicPartition partition, long offset, @Nullable String why) {
    LOG.warn("the evaluator skips {} at offset {}: {}", partition, offset, why);
  }

  private boolean isDue(long version) {
    final int every = run.spec().evaluation().every();
    return !evaluatedVersions.contains(version)
        && (version == run.spec().rounds() || (every > 0 && version % every == 0))
        && newest.allows(version);
  }

  private void add(LogRecord record, TaskModel model, Producer<byte[], byte[]> metrics)
      throws ExecutionException, TimeoutException, InterruptedException {
    try {
      if (assembler.add(record.key(), record.value())) {
        model.weights().copyFrom(assembler.values());
        evaluate(assembler.version(), model, metrics);
      }
    } catch (MalformedRecordException e) {
      skip(record.source(), record.offset(), e.getMessage());
    }
  }

  private void evaluate(long version, TaskModel model, Producer<byte[], byte[]> metrics)
      throws ExecutionException, TimeoutException, InterruptedException {
    final TaskModel.Validation validation = model.validate(run.spec().evaluation().samples());
    final var losses =
        Metric.Validation.newBuilder()
            .setVersion(version)
            .setSamples(validation.samples())
            .setWeights(Digests.of(assembler.values()))
            .putAllMetrics(validation.metrics());
    for (int task = 0; task < run.manifest().tasks().size(); task++) {
      losses.putLosses(run.manifest().tasks().get(task), validation.losses()[task]);
    }
    final var metric =
        Metric.newBuilder()
            .setName("validation")
            .setTimeMs(System.currentTimeMillis())
            .setValidation(losses)
            .build();
    final Metric record = validations.next(metric, name, signer);
    metrics
        .send(
            new ProducerRecord<>(
                run.topics().metrics(),
                "validation".getBytes(StandardCharsets.UTF_8),
                record.toByteArray()))
        .get(Connection.SEND_LIMIT.toNanos(), TimeUnit.NANOSECONDS);
    evaluatedVersions.add(version);
    LOG.info(
        "the evaluator of run {} publishes the held-out losses of version {}: {} {}",
        run.spec().run(),
        version,
        losses.getLossesMap(),
        losses.getMetricsMap());
  }

  /** Whether the last version has been evaluated. */
  public boolean finished() {
    return !thread.isAlive() && failure.get() == null && !closed;
  }

  /** Why the evaluator stopped, if it did not stop on request or at the end. */
  public Optional<Throwable> failure() {
    return Optional.ofNullable(failure.get());
  }

  @Override
  public void close() {
    closed = true;
    weights.wakeup();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
