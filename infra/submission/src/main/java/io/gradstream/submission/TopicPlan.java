package io.gradstream.submission;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.TopicKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.TopicConfig;

/**
 * The topics of a run with their settings in Kafka: what each {@link TopicKind} declares, with the
 * numbers of one run. All records carry the broker's time, so that the times of a round can be
 * compared, whichever process wrote them.
 */
final class TopicPlan {
  private static final String FOR_EVER = "-1";
  private static final long MEBIBYTE = 1024 * 1024;
  private static final long MILLISECONDS_OF_AN_HOUR = 3_600_000;

  private TopicPlan() {}

  /** All topics of a run. */
  static List<NewTopic> of(Run run) {
    final var topics = new ArrayList<NewTopic>();
    for (final TopicKind kind : TopicKind.values()) {
      for (final String name : run.description().topicsOf(kind)) {
        topics.add(topic(run, kind, name));
      }
    }
    return List.copyOf(topics);
  }

  private static NewTopic topic(Run run, TopicKind kind, String name) {
    final int replication = run.spec().transport().replication();
    final var settings = new HashMap<>(kept(run, kind));
    settings.put(TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime");
    // A broker keeps batches compressed as they come, and nine kilobytes may unpack to three
    // hundred megabytes in whoever reads them. Unpacked, they meet the limit of a record's size.
    settings.put(TopicConfig.COMPRESSION_TYPE_CONFIG, "uncompressed");
    // With three replicas one may fail, and acknowledged records still lie on two.
    settings.put(
        TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, Integer.toString(Math.max(1, replication - 1)));
    final int partitions =
        switch (kind.partitions()) {
          case ONE -> 1;
          case SHARDS, COPIES -> run.manifest().partitions();
          case SLOTS -> run.orderPartitions();
        };
    return new NewTopic(name, partitions, (short) replication).configs(settings);
  }

  private static Map<String, String> kept(Run run, TopicKind kind) {
    final Integer hours = run.spec().transport().retentionHours();
    return switch (kind.kept()) {
      case FOR_EVER -> kept(FOR_EVER);
      case AS_EVIDENCE ->
          kept(hours == null ? FOR_EVER : Long.toString(hours * MILLISECONDS_OF_AN_HOUR));
      case LATEST_VERSIONS -> weights(run);
    };
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
