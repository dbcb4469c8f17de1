package io.gradstream.submission;

import static io.gradstream.submission.ClusterAnswers.await;

import com.google.protobuf.ByteString;
import io.gradstream.audit.fork.Fork;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.run.RunFiles;
import io.gradstream.proto.run.RunPlugins;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.Scope;
import io.gradstream.proto.spec.TaskSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.Topics;
import io.gradstream.server.optimizer.Optimizers;
import io.gradstream.submission.weights.InitialTensors;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Submits a run to a cluster, once: the same spec again finds the run as it is, and a submission
 * that was broken off is started over. Of several at a time the first wins, and the others find its
 * run ({@link SubmissionLock}). Nothing is created for a spec with a mistake, and no topic is
 * deleted if rounds of the run were computed.
 */
public final class Submission {
  private static final Logger log = LoggerFactory.getLogger(Submission.class);

  /** Kafka's own default. Workers renew a lock while they compute; brokers allow a minute. */
  private static final int MAX_LOCK_MS = 30_000;

  /**
   * The run that was submitted or found.
   *
   * @param isNew whether the run was not there before
   */
  public record Outcome(Run run, boolean isNew) {}

  /** What a new run begins with. */
  private record NewRun(
      RunDescription description, Stream<ProducerRecord<byte[], byte[]>> records) {}

  private final Connection connection;
  private final Admin admin;
  private final RunSpec spec;

  private Submission(Connection connection, Admin admin, RunSpec spec) {
    this.connection = connection;
    this.admin = admin;
    this.spec = spec;
  }

  /**
   * Submits a run, or finds it.
   *
   * @throws UserError if no broker answers, another spec runs under the same name, or topics of
   *     that name hold a training whose spec is lost
   */
  public static Outcome submit(CheckedSpec spec, Connection connection) {
    try (Admin admin = ClusterAdmin.open(connection)) {
      final var submission = new Submission(connection, admin, spec.spec());
      final Optional<Outcome> found = submission.find();
      found.ifPresent(outcome -> requireInitial(outcome.run().description(), spec.initial()));
      return found.orElseGet(() -> submission.begin(spec));
    }
  }

  private static void requireInitial(RunDescription there, @Nullable InitialTensors here) {
    if (here != null && !there.initialWeights().getSha256().equals(here.entry().getSha256())) {
      throw new UserError(
          "initial-weights.file: run %s began with other bytes than %s has now (SHA-256 %s there, %s here); get that file, or choose another name for this run"
              .formatted(
                  there.spec().run(),
                  here.path(),
                  hex(there.initialWeights().getSha256()),
                  hex(here.entry().getSha256())));
    }
  }

  private static String hex(ByteString digest) {
    return HexFormat.of().formatHex(digest.toByteArray());
  }

  /**
   * Submits a run that goes on from another one, or finds it.
   *
   * @param fork computes what the run begins with; called only if the run is not there yet
   * @throws UserError as {@link #submit(CheckedSpec, Connection)}, and if its model is not that of
   *     the run it goes on from
   */
  public static Outcome submit(CheckedSpec spec, Supplier<Fork> fork, Connection connection) {
    try (Admin admin = ClusterAdmin.open(connection)) {
      final var submission = new Submission(connection, admin, spec.spec());
      return submission.find().orElseGet(() -> submission.begin(spec, fork.get()));
    }
  }

  private Outcome begin(CheckedSpec checked) {
    try (TaskModel model = checked.models().get()) {
      final RunRecord.Builder also = known(model);
      model.initialize(spec.seed());
      final InitialTensors initial = checked.initial();
      if (initial != null) {
        log.info("run {}: {}", spec.run(), initial.fill(model.tensors(), model.weights()));
        also.setInitialWeights(initial.entry());
      } else if (spec.initialWeights() != null) {
        throw new UserError(
            "initial-weights: a file is read beside the run spec's own, and this spec is not in a file");
      }
      final RunDescription run = RunDescription.of(spec, manifest(spec, model), also.build());
      return create(
          new NewRun(
              run,
              Stream.concat(
                  InitialRecords.file(run, checked.file()),
                  InitialRecords.initialWeights(run, model.weights()))));
    }
  }

  private static RunRecord.Builder known(TaskModel model) {
    return model.provenance().record().toBuilder().putAllModel(model.blueprint());
  }

  private Outcome begin(CheckedSpec checked, Fork fork) {
    final RunRecord also;
    try (TaskModel model = checked.models().get()) {
      also = known(model).setOrigin(fork.origin()).build();
      if (!manifest(spec, model).hasTensorsOf(fork.manifest())) {
        throw new UserError(
            "--set: the model would have other parameters than that of run %s, whose weights do not fit it"
                .formatted(fork.origin().getRun()));
      }
    }
    if (needsWholeTensors(spec) && !fork.manifest().keepsTensorsTogether()) {
      throw new UserError(
          "--set optimizer: this one needs all of a tensor on one partition, and run %s has tensors that are dealt out over several"
              .formatted(fork.origin().getRun()));
    }
    final RunDescription run = RunDescription.of(spec, fork.manifest(), also);
    return create(
        new NewRun(
            run, Stream.concat(InitialRecords.file(run, checked.file()), fork.records(run))));
  }

  /** Creates a run's topics and publishes its first records. With the last one the run exists. */
  private Outcome create(NewRun newRun) {
    try (var lock = SubmissionLock.take(connection, admin, spec.run())) {
      final Optional<Outcome> existing = find();
      if (existing.isPresent()) {
        return existing.get();
      }
      final Run run = new Run(newRun.description(), connection);
      RecordLimits.require(run.description());
      removeBrokenOff(lock);
      lock.requireHeld();
      final List<NewTopic> topics = TopicPlan.of(run);
      createTopics(topics);
      awaitLeaders(topics);
      setWorkerGroup(run);
      InitialRecords.publish(run, newRun.records(), lock::requireHeld);
      log.info(
          "submitted run {}: {} parameters in {} shards on {} partitions",
          spec.run(),
          run.manifest().parameters(),
          run.manifest().shards().size(),
          run.manifest().partitions());
      return new Outcome(run, true);
    }
  }

  private void createTopics(List<NewTopic> topics) {
    try {
      await(admin.createTopics(topics).all());
    } catch (InvalidReplicationFactorException e) {
      throw new UserError(
          "transport.replication: %d, but fewer brokers answer at %s; start more, or give a smaller number"
              .formatted(spec.transport().replication(), connection.bootstrap()),
          e);
    }
  }

  /** Deletes what a broken-off submission left, since it may belong to another spec. */
  private void removeBrokenOff(SubmissionLock lock) {
    final var resources = RunResources.of(connection, admin, spec.run());
    if (resources.topics().isEmpty()) {
      return;
    }
    if (resources.holdTraining()) {
      throw new UserError(
          "the topics of run %s at %s hold rounds that were computed, but topic %s, which says what the run is, has no record; nothing was changed. Choose another name, or remove the run with: gradstream delete --run %s"
              .formatted(spec.run(), connection.bootstrap(), Topics.spec(spec.run()), spec.run()));
    }
    log.warn(
        "an earlier submission of run {} was broken off; its topics are created anew: {}",
        spec.run(),
        resources.topics());
    lock.requireHeld();
    resources.delete();
  }

  private static Manifest manifest(RunSpec spec, TaskModel model) {
    final Manifest manifest =
        Manifest.of(
            spec.tasks().stream().map(TaskSpec::name).toList(),
            model.tensors().stream().map(tensor -> inScope(spec, tensor)).toList(),
            spec.transport().shardValues(),
            spec.transport().partitions(),
            needsWholeTensors(spec));
    final int shards = manifest.shards().size();
    if (spec.transport().partitions() > shards) {
      throw new UserError(
          "transport.partitions: %d, but the model's parameters make %d shards; give at most so many"
              .formatted(spec.transport().partitions(), shards));
    }
    return manifest;
  }

  private static boolean needsWholeTensors(RunSpec spec) {
    return Optimizers.create(spec, Kernels.scalar()).tensorWise();
  }

  /** With {@code scope: all} no tensor is a task's own. */
  private static TensorShape inScope(RunSpec spec, TensorShape tensor) {
    return spec.scope() == Scope.ALL ? tensor.withoutOwner() : tensor;
  }

  /** The run that is there under the spec's name, if there is one. */
  private Optional<Outcome> find() {
    final String topic = Topics.spec(spec.run());
    if (!await(admin.listTopics().names()).contains(topic)) {
      return Optional.empty();
    }
    try (var reader = new LogReader(connection, spec.run() + ".submission")) {
      if (!hasMoreThanFiles(reader, new TopicPartition(topic, 0))) {
        return Optional.empty();
      }
    }
    final Run run = Run.read(connection, spec.run());
    requireSame(run.spec());
    RunPlugins.require(
        run.description(), RunPlugins.PRODUCER, RunPlugins.ARBITRATOR, RunPlugins.SERVER);
    return Optional.of(new Outcome(run, false));
  }

  /**
   * Files come before the run's record: where there is nothing else, a submission was broken off.
   */
  private static boolean hasMoreThanFiles(LogReader reader, TopicPartition spec) {
    final boolean[] isFound = {false};
    reader.read(
        spec,
        0,
        reader.end(spec),
        record -> isFound[0] |= record.value() == null || !RunFiles.isChunk(record.value()));
    return isFound[0];
  }

  private void requireSame(RunSpec there) {
    final List<String> differences = SpecDifference.between(there.text(), spec.text());
    if (differences.isEmpty()) {
      return;
    }
    final int more = differences.size() - 3;
    throw new UserError(
        "run "
            + spec.run()
            + " exists with another spec ("
            + String.join("; ", differences.subList(0, Math.min(3, differences.size())))
            + (more > 0 ? "; and " + more + " more" : "")
            + "); "
            + (isLonger(there, differences)
                ? "to go on from its last version: gradstream fork --run %s --version %d --as %s-longer --set rounds=%d --train"
                    .formatted(spec.run(), there.rounds(), spec.run(), spec.rounds())
                : "choose another name for this run"));
  }

  /** Whether the spec differs by more rounds alone, which a fork can give. */
  private boolean isLonger(RunSpec there, List<String> differences) {
    return differences.size() == 1
        && differences.getFirst().startsWith("rounds:")
        && spec.rounds() > there.rounds();
  }

  /**
   * Waits until every partition's leader answers. A producer that is faster may lose its first
   * batch: the leader refuses it, takes the second batch for the first, and then never accepts the
   * first one (KAFKA-15591, in brokers up to 4.4).
   */
  private void awaitLeaders(List<NewTopic> topics) {
    final Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
    for (final NewTopic topic : topics) {
      for (int partition = 0; partition < topic.numPartitions(); partition++) {
        ends.put(new TopicPartition(topic.name(), partition), OffsetSpec.latest());
      }
    }
    final List<String> names = topics.stream().map(NewTopic::name).toList();
    ClusterAnswers.awaitCluster(
        connection.bootstrap(),
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

  /**
   * The group that shares the orders: a late worker finds the orders that are already there, an
   * order is offered again when its worker no longer renews its lock, and as often as Kafka
   * permits.
   */
  private void setWorkerGroup(Run run) {
    final var group = new ConfigResource(ConfigResource.Type.GROUP, run.topics().workerGroup());
    final var lock = Integer.toString(Math.min(MAX_LOCK_MS, run.spec().orders().timeoutMs()));
    try {
      await(
          admin
              .incrementalAlterConfigs(
                  Map.of(
                      group,
                      List.of(
                          set("share.auto.offset.reset", "earliest"),
                          set("share.record.lock.duration.ms", lock),
                          set("share.delivery.count.limit", "10"))))
              .all());
    } catch (KafkaException e) {
      throw new UserError(
          "the broker at %s refuses the workers' share group (orders.timeout-ms: %s): %s"
              .formatted(connection.bootstrap(), run.spec().orders().timeoutMs(), e.getMessage()),
          e);
    }
  }

  private static AlterConfigOp set(String key, String value) {
    return new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
  }
}
