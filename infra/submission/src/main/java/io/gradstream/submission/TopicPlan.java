package io.gradstream.submission;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.Transport;
import io.gradstream.proto.topic.Topics;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.TopicConfig;

/**
 * The topics of a run with their partitions and settings.
 *
 * <p>Gradients, verdicts and updates are the evidence: they are kept as long as the spec says. The
 * spec and the weights are compacted, everything else is small and kept for ever. All records carry
 * the broker's time, so that the times of a round can be compared whoever wrote them.
 */
final class TopicPlan {
  private static final String FOR_EVER = "-1";

  private static final long MEBIBYTE = 1024 * 1024;

  private final Transport transport;
  private final List<NewTopic> topics = new ArrayList<>();

  private TopicPlan(Transport transport) {
    this.transport = transport;
  }

  /** All topics of a run; the spec topic is the last. */
  static List<NewTopic> of(Run run) {
    final var plan = new TopicPlan(run.spec().transport());
    final Topics names = run.topics();
    final int partitions = run.manifest().partitions();
    final Integer hours = run.spec().transport().retentionHours();
    final String evidence = hours == null ? FOR_EVER : Long.toString(hours * 3_600_000L);
    for (int task = 0; task < run.orderedTasks(); task++) {
      plan.add(names.orders(task), run.orderPartitions(), kept(FOR_EVER));
      plan.add(names.gradients(task), partitions, kept(evidence));
    }
    plan.add(names.statistics(), 1, kept(FOR_EVER));
    plan.add(names.verdicts(), partitions, kept(evidence));
    plan.add(names.updates(), partitions, kept(evidence));
    plan.add(names.weights(), partitions, weights(run));
    plan.add(names.metrics(), 1, kept(FOR_EVER));
    plan.add(names.deadLetters(), 1, kept(FOR_EVER));
    if (run.description().origin().isPresent()) {
      plan.add(names.state(), partitions, kept(FOR_EVER));
    }
    plan.add(names.spec(), 1, compacted());
    return List.copyOf(plan.topics);
  }

  private void add(String name, int partitions, Map<String, String> settings) {
    final var all = new HashMap<>(settings);
    all.put(TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime");
    // With three replicas one may fail and what is acknowledged still lies on two.
    all.put(
        TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG,
        Integer.toString(Math.max(1, transport.replication() - 1)));
    topics.add(new NewTopic(name, partitions, (short) transport.replication()).configs(all));
  }

  private static Map<String, String> kept(String milliseconds) {
    return Map.of(
        TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_DELETE,
        TopicConfig.RETENTION_MS_CONFIG, milliseconds,
        TopicConfig.RETENTION_BYTES_CONFIG, FOR_EVER);
  }

  private static Map<String, String> compacted() {
    return Map.of(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_COMPACT);
  }

  /**
   * Compacted in segments of some versions, so that old versions go soon; but never the last
   * minute, so that a reader in the middle of a version finds all of it.
   */
  private static Map<String, String> weights(Run run) {
    final long version = run.manifest().size() * Float.BYTES / run.manifest().partitions();
    final long segment = Math.clamp(8 * version, 16 * MEBIBYTE, 1024 * MEBIBYTE);
    final var settings = new HashMap<>(compacted());
    settings.put(TopicConfig.SEGMENT_BYTES_CONFIG, Long.toString(segment));
    settings.put(TopicConfig.MIN_COMPACTION_LAG_MS_CONFIG, "60000");
    return settings;
  }
}
