package io.gradstream.chaos;

import io.gradstream.proto.log.LogFollower;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.common.TopicPartition;

/**
 * Follows the updates of one partition, to tell when the run moves on. Updates that are sent again
 * do not count, nor does what no arbitrator has sent. One thread.
 */
final class RoundFollower implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(20);

  private final LogFollower records;
  private long updates;

  RoundFollower(Run run) {
    records = new LogFollower(run.connection());
    records.follow(
        List.of(new TopicPartition(run.topics().updates(), run.manifest().shard(0).partition())));
  }

  /** Rounds that have an update, as far as the topic was read. */
  long poll() {
    records.poll(POLL).forEach(this::take);
    return updates;
  }

  /** Rounds that have an update, as far as the topic was read before. */
  long seen() {
    return updates;
  }

  /** The same, with everything that is there at the call. */
  long catchUp() {
    records.catchUp(this::take);
    return updates;
  }

  private void take(LogRecord record) {
    try {
      final UpdateShard header = ValuesRecord.read(record.value(), UpdateShard.parser()).header();
      if (!header.getInitial() && header.getRound() == updates) {
        updates++;
      }
    } catch (MalformedRecordException e) {
      // The campaign itself sends such records, and the run passes over them, too.
    }
  }

  @Override
  public void close() {
    records.close();
  }
}
