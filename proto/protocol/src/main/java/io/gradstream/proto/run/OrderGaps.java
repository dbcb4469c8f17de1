package io.gradstream.proto.run;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.SharePartitionOffsetInfo;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

/**
 * Partitions of the orders that lost records which the workers' share group had passed, as a broker
 * does whose log is cut off. The group then starts beyond the partition's end, and no order that is
 * appended is delivered until the end has caught up.
 */
public final class OrderGaps {
  private static final int PATIENCE_SECONDS = 10;

  private OrderGaps() {}

  /**
   * Asks the brokers.
   *
   * @return for each such partition, the number of records between its end and the group's start
   * @throws KafkaException if they do not answer within 10 s
   */
  public static Map<TopicPartition, Long> of(Run run) {
    final String group = run.topics().workerGroup();
    final var gaps =
        new TreeMap<TopicPartition, Long>(Comparator.comparing(TopicPartition::toString));
    try (Admin admin = run.connection().admin()) {
      final var starts =
          admin
              .listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec()))
              .partitionsToOffsetInfo(group)
              .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      final var known = new HashMap<>(starts);
      known.values().removeIf(Objects::isNull);
      final var ends =
          admin
              .listOffsets(
                  known.keySet().stream()
                      .collect(Collectors.toMap(partition -> partition, of -> OffsetSpec.latest())))
              .all()
              .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      ends.forEach(
          (partition, end) -> {
            final SharePartitionOffsetInfo start = known.get(partition);
            if (start != null && start.startOffset() > end.offset()) {
              gaps.put(partition, start.startOffset() - end.offset());
            }
          });
      return gaps;
    } catch (ExecutionException | TimeoutException e) {
      if (e.getCause() instanceof GroupIdNotFoundException) {
        return Map.of(); // no worker has joined yet
      }
      throw new KafkaException("the brokers do not tell where group " + group + " stands", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException("interrupted while asking for group " + group, e);
    }
  }
}
