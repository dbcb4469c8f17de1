package io.gradstream.proto.topic;

import io.gradstream.proto.run.RoundKind;
import java.util.List;

/**
 * The names of a run's topics and groups, in one place.
 *
 * @param run the run's name, prefix of every topic
 * @param tasks task names, in manifest order
 */
public record Topics(String run, List<String> tasks) {
  /** Name of the sum whose gradient is that of the weighted sum of all losses. */
  public static final String ALL = "all";

  public Topics {
    tasks = List.copyOf(tasks);
  }

  /** The topic of a run's spec and manifest; its name is known before the run's tasks are. */
  public static String spec(String run) {
    return TopicKind.SPEC.of(run);
  }

  public String spec() {
    return spec(run);
  }

  /** The topic that a task, or the sum of all losses, has of a kind of which each task has one. */
  public String of(TopicKind kind, int task) {
    return kind.of(run) + "." + nameOf(task);
  }

  /** Orders of a task, or of the sum of all losses, whose number is {@link RoundKind#sum}. */
  public String orders(int task) {
    return of(TopicKind.ORDERS, task);
  }

  /** Gradients of a task, or of the sum of all losses, whose number is {@link RoundKind#sum}. */
  public String gradients(int task) {
    return of(TopicKind.GRADIENTS, task);
  }

  /** The task whose gradients the topic carries, or -1. */
  public int taskOfGradients(String topic) {
    return taskOf(topic, TopicKind.GRADIENTS.of(run) + ".");
  }

  /** The task whose orders the topic carries, or -1. */
  public int taskOfOrders(String topic) {
    return taskOf(topic, TopicKind.ORDERS.of(run) + ".");
  }

  private int taskOf(String topic, String prefix) {
    if (!topic.startsWith(prefix)) {
      return -1;
    }
    final String name = topic.substring(prefix.length());
    return name.equals(ALL) ? RoundKind.sum(tasks.size()) : tasks.indexOf(name);
  }

  /** A task's name, or that of the sum. */
  public String nameOf(int task) {
    return nameOf(task, tasks);
  }

  /** A task's name in a list of all, or that of the sum. */
  public static String nameOf(int task, List<String> tasks) {
    return RoundKind.asking(task, tasks.size()) == RoundKind.SUM ? ALL : tasks.get(task);
  }

  /** The topic of the state that a forked run begins with; other runs have no such topic. */
  public String state() {
    return TopicKind.STATE.of(run);
  }

  public String statistics() {
    return TopicKind.STATISTICS.of(run);
  }

  public String verdicts() {
    return TopicKind.VERDICTS.of(run);
  }

  public String updates() {
    return TopicKind.UPDATES.of(run);
  }

  public String weights() {
    return TopicKind.WEIGHTS.of(run);
  }

  public String metrics() {
    return TopicKind.METRICS.of(run);
  }

  public String deadLetters() {
    return TopicKind.DEAD_LETTERS.of(run);
  }

  /** Share group of the workers; a worker subscribes to the orders of its tasks. */
  public String workerGroup() {
    return run + ".workers";
  }

  /** Kafka Streams application of the arbitrator. */
  public String arbitratorApplication() {
    return run + ".arbitrator";
  }

  /** Kafka Streams application of the parameter server. */
  public String serverApplication() {
    return run + ".server";
  }
}
