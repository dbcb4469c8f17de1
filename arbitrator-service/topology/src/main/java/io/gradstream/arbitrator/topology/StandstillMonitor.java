package io.gradstream.arbitrator.topology;

import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.Topics;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Notices when a partition's round stands still, and says what it waits for. */
final class StandstillMonitor {
  private static final Logger LOG = LoggerFactory.getLogger(StandstillMonitor.class);

  private final Topics topics;
  private final int partition;
  private final long timeoutMs;
  private long progressedMs;
  private long reportedMs;

  /**
   * @param timeoutMs milliseconds without progress after which a round is reported, and after which
   *     it is reported once more
   */
  StandstillMonitor(Topics topics, int partition, long timeoutMs) {
    this.topics = topics;
    this.partition = partition;
    this.timeoutMs = timeoutMs;
  }

  void progressed(long nowMs) {
    progressedMs = nowMs;
  }

  /** Whether it is time to report that the round stands still. */
  boolean isDue(long nowMs) {
    return nowMs - progressedMs >= timeoutMs && nowMs - reportedMs >= timeoutMs;
  }

  /**
   * Reports the standstill in the log, and as a metric for the parameter server and for {@code
   * gradstream status}.
   */
  void report(PartitionRound round, TopicSinks sinks, long nowMs) {
    reportedMs = nowMs;
    final List<PartitionRound.MissingSlot> missing = round.missing();
    LOG.warn(
        "the arbitrator's partition {} of run {} has waited for {} s in round {}: it needs {}",
        partition,
        topics.run(),
        (nowMs - progressedMs) / 1000,
        round.round(),
        round.complete() ? "its verdict" : describe(missing));
    final var waiting =
        Metric.Waiting.newBuilder()
            .setRound(round.round())
            .setPartition(partition)
            .setWaitedMs(nowMs - progressedMs);
    final var diverged = divergedSlot(round);
    for (final var slot : missing) {
      waiting
          .addSlotsBuilder()
          .setTask(slot.task())
          .setSlot(slot.slot())
          .setDiverged(diverged.filter(slot::equals).isPresent());
    }
    sinks.metric("waiting", Metric.newBuilder().setWaiting(waiting));
  }

  /** The slot of which it is certain that nobody has a finite gradient. */
  private static Optional<PartitionRound.MissingSlot> divergedSlot(PartitionRound round) {
    return round
        .divergence()
        .map(statistics -> statistics.getDivergence().getRefused(0))
        .map(refused -> new PartitionRound.MissingSlot(refused.getTask(), refused.getSlot()));
  }

  /** Such as {@code l1 [0, 2], ssim [2]}. */
  private String describe(List<PartitionRound.MissingSlot> missing) {
    return missing.stream()
        .collect(
            Collectors.groupingBy(
                slot -> topics.nameOf(slot.task()),
                TreeMap::new,
                Collectors.mapping(PartitionRound.MissingSlot::slot, Collectors.toList())))
        .entrySet()
        .stream()
        .map(task -> task.getKey() + " " + task.getValue())
        .collect(Collectors.joining(", "));
  }
}
