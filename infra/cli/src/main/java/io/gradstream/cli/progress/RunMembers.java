package io.gradstream.cli.progress;

import static java.util.Objects.requireNonNull;

import io.gradstream.proto.run.Run;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Node;

/**
 * Who works for a run at the moment, and which of its brokers do not answer, as the cluster knows
 * it. A process that was killed still counts for about six seconds.
 *
 * @param servers instances of the parameter server
 * @param arbitrators instances of the arbitrator
 * @param workers worker threads
 * @param servedTasks tasks whose orders some worker takes
 * @param brokersAway ids of brokers that hold some of the run's records and do not answer
 */
public record RunMembers(
    int servers, int arbitrators, int workers, Set<Integer> servedTasks, Set<Integer> brokersAway) {
  /** Asks the cluster. */
  public static RunMembers of(Run run) {
    try (Admin admin = run.connection().admin()) {
      final String group = run.topics().workerGroup();
      final var workers =
          answer(
                  () ->
                      requireNonNull(
                          admin.describeShareGroups(List.of(group)).all().get().get(group)))
              .map(description -> description.members())
              .orElse(List.of());
      final var served = new HashSet<Integer>();
      workers.stream()
          .flatMap(member -> member.assignment().topicPartitions().stream())
          .map(partition -> run.topics().taskOfOrders(partition.topic()))
          .forEach(served::add);
      return new RunMembers(
          instances(admin, run.topics().serverApplication()),
          instances(admin, run.topics().arbitratorApplication()),
          workers.size(),
          served,
          brokersAway(admin, run));
    }
  }

  /** Each thread of an instance is a member; all of them carry the instance's name. */
  private static int instances(Admin admin, String group) {
    return answer(
            () ->
                requireNonNull(admin.describeConsumerGroups(List.of(group)).all().get().get(group)))
        .map(
            description ->
                (int)
                    description.members().stream()
                        .map(member -> member.groupInstanceId().orElse(member.consumerId()))
                        .map(name -> name.replaceAll("-\\d+$", ""))
                        .distinct()
                        .count())
        .orElse(0);
  }

  private static Set<Integer> brokersAway(Admin admin, Run run) {
    final var away = new TreeSet<Integer>();
    answer(() -> admin.describeTopics(List.of(run.topics().updates())).allTopicNames().get())
        .ifPresent(
            topics ->
                topics.values().stream()
                    .flatMap(topic -> topic.partitions().stream())
                    .flatMap(partition -> partition.replicas().stream())
                    .map(Node::id)
                    .forEach(away::add));
    answer(() -> admin.describeCluster().nodes().get())
        .ifPresent(nodes -> ids(nodes).forEach(away::remove));
    return away;
  }

  private static List<Integer> ids(Collection<Node> nodes) {
    return nodes.stream().map(Node::id).toList();
  }

  /** A question to the cluster, which has no answer where nobody has joined yet. */
  private interface Question<T> {
    T ask() throws ExecutionException, InterruptedException;
  }

  private static <T> Optional<T> answer(Question<T> question) {
    try {
      return Optional.ofNullable(question.ask());
    } catch (ExecutionException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while asking the brokers", e);
    }
  }
}
