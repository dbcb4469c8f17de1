package io.gradstream.submission;

import static io.gradstream.submission.ClusterAnswers.await;
import static java.util.Objects.requireNonNull;

import io.gradstream.proto.UserError;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.Topics;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * What a run has on a cluster, whether or not its spec can still be read: its topics, the
 * changelogs and groups of its services, and the share group of its workers.
 */
public final class RunResources {
  /**
   * How long members may take to leave a group. An instance that ended stays a member for six
   * seconds.
   */
  private static final Duration GROUP_EXIT_TIMEOUT = Duration.ofSeconds(15);

  private static final Duration POLL_INTERVAL = Duration.ofMillis(250);

  private final Connection connection;
  private final Admin admin;
  private final Topics names;
  private final Set<String> topics = new TreeSet<>();

  private RunResources(Connection connection, Admin admin, String run) {
    this.connection = connection;
    this.admin = admin;
    this.names = new Topics(run, List.of());
  }

  /** Lists what there is; the client must stay open as long as this object is used. */
  public static RunResources of(Connection connection, Admin admin, String run) {
    final var resources = new RunResources(connection, admin, run);
    await(admin.listTopics().names()).stream()
        .filter(topic -> TopicKind.isOfRun(run, topic))
        .forEach(resources.topics::add);
    return resources;
  }

  /** Names of the run's topics and changelogs. */
  public Set<String> topics() {
    return Collections.unmodifiableSet(topics);
  }

  /**
   * Whether rounds were computed. If so, this is somebody's training and no submission that was
   * broken off.
   */
  boolean holdTraining() {
    // A fork's submission writes one verdict to each partition.
    final long verdicts = topics.contains(names.state()) ? 1 : 0;
    return topics.stream()
        .anyMatch(
            topic ->
                (TopicKind.GRADIENTS.includes(names.run(), topic) && records(topic) > 0)
                    || (topic.equals(names.statistics()) && records(topic) > 0)
                    || (topic.equals(names.verdicts()) && records(topic) > verdicts));
  }

  /** The largest number of records that a partition of a topic was given, deleted ones included. */
  private long records(String topic) {
    final Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
    requireNonNull(await(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic))
        .partitions()
        .forEach(
            partition ->
                ends.put(new TopicPartition(topic, partition.partition()), OffsetSpec.latest()));
    return await(admin.listOffsets(ends).all()).values().stream()
        .mapToLong(end -> end.offset())
        .max()
        .orElse(0);
  }

  /**
   * Deletes everything, and returns when the brokers have done so.
   *
   * @throws UserError if a service or a worker of the run still works; then nothing is deleted
   */
  public void delete() {
    deleteGroup(
        names.arbitratorApplication(),
        group -> admin.deleteConsumerGroups(List.of(group)).all(),
        "arbitrator");
    deleteGroup(
        names.serverApplication(),
        group -> admin.deleteConsumerGroups(List.of(group)).all(),
        "server");
    deleteGroup(
        names.workerGroup(), group -> admin.deleteShareGroups(List.of(group)).all(), "worker");
    topics.forEach(this::deleteTopic);
    ClusterAnswers.awaitCluster(
        connection.bootstrap(),
        "delete the old topics",
        () -> Collections.disjoint(await(admin.listTopics().names()), topics));
  }

  private void deleteTopic(String topic) {
    try {
      await(admin.deleteTopics(List.of(topic)).all());
    } catch (UnknownTopicOrPartitionException gone) {
      // Somebody else deleted it.
    }
  }

  /** Deletes a group of a kind. */
  private interface Deletion {
    KafkaFuture<Void> of(String group);
  }

  private void deleteGroup(String group, Deletion deletion, String role) {
    final long deadline = System.nanoTime() + GROUP_EXIT_TIMEOUT.toNanos();
    while (true) {
      try {
        await(deletion.of(group));
        return;
      } catch (GroupIdNotFoundException never) {
        return;
      } catch (GroupNotEmptyException e) {
        if (System.nanoTime() > deadline) {
          throw new UserError(
              "run %s still has a %s at work at %s; end it first"
                  .formatted(names.run(), role, connection.bootstrap()),
              e);
        }
        Pause.of(POLL_INTERVAL);
      }
    }
  }
}
