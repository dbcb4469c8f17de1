package io.gradstream.proto.run;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A round that was decided before and whose gradients are no longer on the log, because a broker
 * lost the end of it or retention took its beginning. An arbitrator that has to sum the round once
 * more cannot, and nobody computes slots at old weights: the run cannot go on, but another one can
 * from the weights before that round.
 */
public final class LostRound {
  private LostRound() {}

  /**
   * Looks for the first round that lost gradients, in all statistics of the run.
   *
   * @param waiting the decided round that somebody waits for. Its gradients may be gone although
   *     the log is as long as it was: when others have been written to their places since
   * @return what happened and what to do, in one sentence; empty where all gradients are there
   */
  public static Optional<String> advice(Run run, LogReader log, long waiting) {
    final OptionalLong lost = first(run, log, waiting);
    if (lost.isEmpty()) {
      return Optional.empty();
    }
    final String name = run.spec().run();
    final long round = lost.getAsLong();
    final String what =
        "round %d was decided, and gradients of it are no longer on the log, so run %s cannot go on; "
            .formatted(round, name);
    if (beginsLater(run, log)) {
      return Optional.of(
          what
              + "the first gradients are gone as well (transport.retention-hours), so no state can be computed to go on from: keep the newest weights with gradstream export --run %s, and begin anew under another name"
                  .formatted(name));
    }
    return Optional.of(
        what
            + (round > run.description().firstRound()
                ? "a new run can, from the weights before: gradstream fork --run %s --version %d --as %s-from-%d"
                    .formatted(name, round, name, round)
                : "begin anew under another name"));
  }

  private static OptionalLong first(Run run, LogReader log, long waiting) {
    final var statistics = new TopicPartition(run.topics().statistics(), 0);
    final long[] starts = new long[run.orderedTasks() * run.manifest().partitions()];
    final long[] ends = new long[starts.length];
    for (int place = 0; place < starts.length; place++) {
      starts[place] = log.start(gradients(run, place));
      ends[place] = log.end(gradients(run, place));
    }
    final long[] first = {Long.MAX_VALUE};
    // Of the round that is waited for, the last contribution at each place: a tail was lost.
    final Map<Integer, ShardStatistics.Contribution> last = new HashMap<>();
    log.read(
        statistics,
        log.start(statistics),
        log.end(statistics),
        record -> {
          final ShardStatistics said = parse(record.value());
          if (said.getManifest() != run.manifest().hash() || said.getRound() >= first[0]) {
            return;
          }
          for (final ShardStatistics.Products shard : said.getShardsList()) {
            if (shard.getShard() < 0 || shard.getShard() >= run.manifest().shards().size()) {
              continue; // nobody counted it
            }
            final int partition = run.manifest().shard(shard.getShard()).partition();
            for (final ShardStatistics.Contribution each : shard.getContributionsList()) {
              final int place = each.getTask() * run.manifest().partitions() + partition;
              if (place < 0 || place >= starts.length) {
                continue;
              }
              if (each.getOffset() < starts[place] || each.getOffset() >= ends[place]) {
                first[0] = said.getRound();
              } else if (said.getRound() == waiting) {
                last.merge(place, each, (a, b) -> a.getOffset() < b.getOffset() ? b : a);
              }
            }
          }
        });
    if (waiting < first[0]
        && last.entrySet().stream()
            .anyMatch(each -> !isThere(run, log, each.getKey(), each.getValue()))) {
      first[0] = waiting;
    }
    return first[0] == Long.MAX_VALUE ? OptionalLong.empty() : OptionalLong.of(first[0]);
  }

  private static boolean isThere(
      Run run, LogReader log, int place, ShardStatistics.Contribution counted) {
    try {
      final byte[] record = log.read(gradients(run, place), counted.getOffset());
      return ValuesRecord.read(record, GradientShard.parser())
          .header()
          .getDigest()
          .equals(counted.getDigest());
    } catch (MalformedRecordException | IllegalStateException e) {
      return false;
    }
  }

  private static boolean beginsLater(Run run, LogReader log) {
    return IntStream.range(0, run.orderedTasks() * run.manifest().partitions())
        .anyMatch(place -> log.start(gradients(run, place)) > 0);
  }

  private static TopicPartition gradients(Run run, int place) {
    final int partitions = run.manifest().partitions();
    return new TopicPartition(run.topics().gradients(place / partitions), place % partitions);
  }

  private static ShardStatistics parse(byte @Nullable [] record) {
    try {
      return ShardStatistics.parseFrom(record == null ? new byte[0] : record);
    } catch (InvalidProtocolBufferException e) {
      return ShardStatistics.getDefaultInstance(); // nobody counted what it says
    }
  }
}
