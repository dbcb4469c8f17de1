package io.gradstream.submission;

import io.gradstream.audit.fork.Fork;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.Scope;
import io.gradstream.proto.spec.TaskSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.LogReader;
import io.gradstream.proto.topic.Topics;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RetriableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a run to a cluster, once: the same spec again finds the run as it is, and a submission
 * that was broken off is started over. Nothing is created for a spec that is wrong anywhere.
 */
public final class Submission {
  private static final Logger log = LoggerFactory.getLogger(Submission.class);

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /**
   * What came of it.
   *
   * @param isNew whether the run was not there before
   */
  public record Outcome(Run run, boolean isNew) {}

  private final Connection connection;
  private final Admin admin;

  private Submission(Connection connection, Admin admin) {
    this.connection = connection;
    this.admin = admin;
  }

  /**
   * Submits a run, or finds it.
   *
   * @throws UserError if no broker answers, or another spec runs under the same name
   */
  public static Outcome submit(CheckedSpec spec, Connection connection) {
    try (Admin admin = Cluster.open(connection)) {
      return new Submission(connection, admin).submit(spec);
    }
  }

  /** The run that is there under a spec's name, if there is one. */
  private Optional<Run> find(RunSpec spec) {
    if (!isSubmitted(spec.run())) {
      return Optional.empty();
    }
    final Run run = Run.read(connection, spec.run());
    requireSame(run.spec(), spec);
    return Optional.of(run);
  }

  /**
   * Submits a run that goes on from another one, or finds it.
   *
   * @param fork computes what the run begins with, asked only if it is not there yet
   * @throws UserError if no broker answers, another spec runs under the same name, or its model is
   *     not that of the run it goes on from
   */
  public static Outcome submit(CheckedSpec spec, Supplier<Fork> fork, Connection connection) {
    try (Admin admin = Cluster.open(connection)) {
      return new Submission(connection, admin).submit(spec, fork);
    }
  }

  private Outcome submit(CheckedSpec checked, Supplier<Fork> forks) {
    final RunSpec spec = checked.spec();
    final Optional<Run> there = find(spec);
    if (there.isPresent()) {
      return new Outcome(there.get(), false);
    }
    final Fork fork = forks.get();
    try (TaskModel model = checked.models().get()) {
      if (manifest(spec, model).hash() != fork.manifest().hash()) {
        throw new UserError(
            "--set: the model would have other parameters than that of run %s, whose weights do not fit it"
                .formatted(fork.origin().getRun()));
      }
    }
    final Run run = new Run(RunDescription.of(spec, fork.manifest(), fork.origin()), connection);
    create(run, fork.records(run.topics()));
    return new Outcome(run, true);
  }

  /** Creates what a run needs, and its first records; the last is what makes it a run. */
  private void create(Run run, Stream<ProducerRecord<byte[], byte[]>> first) {
    createTopics(TopicPlan.of(run));
    setWorkerGroup(run);
    FirstRecords.publish(run, first);
    log.info(
        "submitted run {}: {} parameters in {} shards on {} partitions",
        run.spec().run(),
        run.manifest().size(),
        run.manifest().shards().size(),
        run.manifest().partitions());
  }

  private Outcome submit(CheckedSpec checked) {
    final RunSpec spec = checked.spec();
    final Optional<Run> there = find(spec);
    if (there.isPresent()) {
      return new Outcome(there.get(), false);
    }
    try (TaskModel model = checked.models().get()) {
      final Run run = new Run(RunDescription.of(spec, manifest(spec, model)), connection);
      model.initialize(spec.seed());
      create(run, FirstRecords.initialWeights(run.description(), model.weights()));
      return new Outcome(run, true);
    }
  }

  private static Manifest manifest(RunSpec spec, TaskModel model) {
    return Manifest.of(
        spec.tasks().stream().map(TaskSpec::name).toList(),
        model.tensors().stream().map(tensor -> inScope(spec, tensor)).toList(),
        spec.transport().shardValues(),
        spec.transport().partitions());
  }

  /** In the scope of all parameters no tensor is a task's own. */
  private static TensorShape inScope(RunSpec spec, TensorShape tensor) {
    return spec.scope() == Scope.ALL
        ? new TensorShape(tensor.name(), tensor.shape(), TensorShape.SHARED)
        : tensor;
  }

  private boolean isSubmitted(String run) {
    final String topic = Topics.spec(run);
    if (!await(admin.listTopics().names()).contains(topic)) {
      return false;
    }
    try (var reader = new LogReader(connection, run + ".submission")) {
      return reader.last(new TopicPartition(topic, 0)).isPresent();
    }
  }

  private static void requireSame(RunSpec there, RunSpec here) {
    final List<String> differences = SpecDifference.between(there.text(), here.text());
    if (!differences.isEmpty()) {
      final int more = differences.size() - 3;
      throw new UserError(
          "run "
              + here.run()
              + " exists with another spec ("
              + String.join("; ", differences.subList(0, Math.min(3, differences.size())))
              + (more > 0 ? "; and " + more + " more" : "")
              + "); choose another name for this run, or another --data-dir");
    }
  }

  /** Creates the topics anew: what a broken-off submission left may belong to another spec. */
  private void createTopics(List<NewTopic> topics) {
    final Collection<String> existing = await(admin.listTopics().names());
    final List<String> left =
        topics.stream().map(NewTopic::name).filter(existing::contains).toList();
    if (!left.isEmpty()) {
      log.warn("an earlier submission was broken off; its topics are created anew: {}", left);
      await(admin.deleteTopics(left).all());
      awaitCluster(
          "let go of the old topics",
          () -> Collections.disjoint(await(admin.listTopics().names()), left));
    }
    await(admin.createTopics(topics).all());
    awaitLeaders(topics);
  }

  /**
   * Waits until every partition's leader answers. A producer that is faster loses its first batch:
   * refused, it is overtaken by the second one, which the leader takes for the first, and never
   * gets in again (KAFKA-15591, in brokers up to 4.4).
   */
  private void awaitLeaders(List<NewTopic> topics) {
    final Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
    for (final NewTopic topic : topics) {
      for (int partition = 0; partition < topic.numPartitions(); partition++) {
        ends.put(new TopicPartition(topic.name(), partition), OffsetSpec.latest());
      }
    }
    final List<String> names = topics.stream().map(NewTopic::name).toList();
    awaitCluster(
        "serve the run's new topics",
        () -> {
          // The administration client logs errors for topics that its broker has not heard of yet.
          if (!await(admin.listTopics().names()).containsAll(names)) {
            return false;
          }
          await(admin.listOffsets(ends).all());
          return true;
        });
  }

  /** Waits for what the controller has decided to reach the brokers. */
  private void awaitCluster(String what, BooleanSupplier isDone) {
    final long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!isDoneNow(isDone)) {
      if (System.nanoTime() > deadline) {
        throw new UserError(
            "the cluster at %s does not %s within %d s; look at its brokers and submit again"
                .formatted(connection.bootstrap(), what, PATIENCE.toSeconds()));
      }
      Pause.of(Duration.ofMillis(50));
    }
  }

  private static boolean isDoneNow(BooleanSupplier isDone) {
    try {
      return isDone.getAsBoolean();
    } catch (RetriableException e) {
      log.debug("not yet", e);
      return false;
    }
  }

  /**
   * The group that shares the orders: a late worker finds the orders that are already there, an
   * order is offered again when its worker is late, and as often as Kafka permits.
   */
  private void setWorkerGroup(Run run) {
    final var group = new ConfigResource(ConfigResource.Type.GROUP, run.topics().workerGroup());
    final var timeout = Integer.toString(run.spec().orders().timeoutMs());
    try {
      await(
          admin
              .incrementalAlterConfigs(
                  Map.of(
                      group,
                      List.of(
                          set("share.auto.offset.reset", "earliest"),
                          set("share.record.lock.duration.ms", timeout),
                          set("share.delivery.count.limit", "10"))))
              .all());
    } catch (KafkaException e) {
      throw new UserError(
          "the broker at %s refuses the workers' share group (orders.timeout-ms: %s): %s"
              .formatted(connection.bootstrap(), timeout, e.getMessage()),
          e);
    }
  }

  private static AlterConfigOp set(String key, String value) {
    return new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
  }

  private static <T> T await(Future<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof KafkaException kafka ? kafka : new KafkaException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while submitting", e);
    }
  }
}
