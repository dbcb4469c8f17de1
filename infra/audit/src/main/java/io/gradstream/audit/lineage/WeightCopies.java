package io.gradstream.audit.lineage;

import com.google.protobuf.ByteString;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.FindingListener;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** What one partition of the weights has of one version, and which copy of each shard counts. */
final class WeightCopies {
  private final RunLog log;
  private final TopicPartition partition;
  private final long version;
  private final List<Integer> shards;

  WeightCopies(RunLog log, TopicPartition partition, long version) {
    this.log = log;
    this.partition = partition;
    this.version = version;
    this.shards =
        log.run().manifest().shardsOf(partition.partition()).stream().map(Shard::index).toList();
  }

  /**
   * Of each shard the first copy that follows from its update; where none does, the first copy.
   *
   * @param from digests of the updates, by shard
   * @param passedOver told of copies that do not follow where another one does
   */
  SortedMap<Integer, LogRecord> choose(Map<Integer, ByteString> from, FindingListener passedOver) {
    final SortedMap<Integer, LogRecord> found = new TreeMap<>();
    final SortedMap<Integer, LogRecord> others = new TreeMap<>();
    try (LogCursor cursor = log.read(partition, log.start(partition))) {
      for (LogRecord next = cursor.next();
          next != null && found.size() < shards.size();
          next = cursor.next()) {
        final WeightShard said = read(next);
        if (said != null) {
          final boolean follows = said.getUpdate().equals(from.get(said.getShard()));
          (follows ? found : others).putIfAbsent(said.getShard(), next);
        }
      }
    }
    others.forEach(
        (shard, record) -> {
          if (found.putIfAbsent(shard, record) != null) {
            passedOver.add(
                Finding.of(
                    Finding.Kind.ORDER,
                    version,
                    record,
                    "shard %d of version %d that does not follow from its update"
                        .formatted(shard, version)));
          }
        });
    return found;
  }

  /** What a record says; null for one that is no shard of the version here. */
  private @Nullable WeightShard read(LogRecord record) {
    try {
      final WeightShard said = ValuesRecord.read(record.bytes(), WeightShard.parser()).header();
      final boolean fits =
          said.getVersion() == version
              && said.getManifest() == log.run().manifest().hash()
              && shards.contains(said.getShard())
              && !Arrays.equals(record.key(), Keys.seal());
      return fits ? said : null;
    } catch (MalformedRecordException e) {
      return null;
    }
  }
}
