package io.gradstream.audit.lineage;

import com.google.protobuf.ByteString;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.proto.evidence.ContributionsDigest;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Whether the records behind a version of the weights are what they say, and each names the next:
 * weights, update, verdict, contributions, gradients. Sums and steps are an audit's business. One
 * owner, one thread.
 */
final class LineageCheck {
  private final RunLog log;
  private final RunDescription run;
  private final List<Finding> findings = new ArrayList<>();

  LineageCheck(RunLog log) {
    this.log = log;
    this.run = log.run();
  }

  /** What is wrong; nothing if all fits. */
  List<Finding> findings() {
    return findings;
  }

  /** Updates must follow from a verdict, or from the run's record; weights from their update. */
  void shards(
      long version,
      ByteString from,
      SortedMap<Integer, LogRecord> updates,
      SortedMap<Integer, LogRecord> weights) {
    final Map<Integer, ByteString> digests = new HashMap<>();
    updates.forEach((shard, record) -> digests.put(shard, update(version, from, record)));
    weights.forEach((shard, record) -> weights(version, digests.get(shard), record));
  }

  private ByteString update(long version, ByteString from, LogRecord record) {
    try {
      final var read = ValuesRecord.read(record.value(), UpdateShard.parser());
      final ByteString digest = Digests.of(read.header(), read.values());
      require(
          Finding.Kind.UPDATE,
          version,
          record,
          "its bytes have another digest than it claims",
          digest.equals(read.header().getDigest()));
      require(
          Finding.Kind.UPDATE,
          version,
          record,
          "it does not follow from the verdict",
          read.header().getVerdict().equals(from));
      return digest;
    } catch (MalformedRecordException e) {
      require(Finding.Kind.UPDATE, version, record, "unreadable", false);
      return ByteString.EMPTY;
    }
  }

  private void weights(long version, @Nullable ByteString update, LogRecord record) {
    try {
      final var read = ValuesRecord.read(record.value(), WeightShard.parser());
      require(
          Finding.Kind.WEIGHTS,
          version,
          record,
          "its bytes have another digest than it claims",
          Digests.of(read.header(), read.values()).equals(read.header().getDigest()));
      require(
          Finding.Kind.WEIGHTS,
          version,
          record,
          "it does not follow from the update",
          read.header().getUpdate().equals(update));
    } catch (MalformedRecordException e) {
      require(Finding.Kind.WEIGHTS, version, record, "unreadable", false);
    }
  }

  /**
   * A verdict must be of the run and of its contributions; those must be the gradients' digests.
   */
  void round(LoggedRound round) {
    require(
        Finding.Kind.VERDICT,
        round.round(),
        round.source(),
        "it is of another run",
        round.verdict().getRun().equals(run.digest()));
    final var contributions = new ContributionsDigest();
    final Map<TopicPartition, SortedMap<Long, ShardStatistics.Contribution>> sources =
        new HashMap<>();
    round
        .products()
        .forEach(
            (index, said) -> {
              final Shard shard = run.manifest().shard(index);
              final var all = said.products().getContributionsList();
              contributions.add(shard, said.record().offset(), all);
              for (final ShardStatistics.Contribution each : all) {
                final String topic = run.topics().gradients(each.getTask());
                sources
                    .computeIfAbsent(
                        new TopicPartition(topic, shard.partition()), absent -> new TreeMap<>())
                    .put(each.getOffset(), each);
              }
            });
    require(
        Finding.Kind.VERDICT,
        round.round(),
        round.source(),
        "it was made of other contributions than the statistics name",
        contributions.end().equals(round.verdict().getContributions()));
    sources.forEach((source, claims) -> gradients(round.round(), source, claims));
  }

  private void gradients(
      long round, TopicPartition source, SortedMap<Long, ShardStatistics.Contribution> claims) {
    try (LogCursor cursor = log.read(source, claims.firstKey())) {
      LogRecord next = cursor.next();
      for (final var claim : claims.entrySet()) {
        while (next != null && next.offset() < claim.getKey()) {
          next = cursor.next();
        }
        if (next == null || next.offset() > claim.getKey()) {
          findings.add(
              Finding.of(
                  Finding.Kind.MISSING,
                  round,
                  source,
                  claim.getKey(),
                  "the gradient is not there"));
        } else {
          require(
              Finding.Kind.GRADIENT,
              round,
              next,
              "its bytes have another digest than the one that was counted",
              digest(claim.getValue().getTask(), next).equals(claim.getValue().getDigest()));
        }
      }
    }
  }

  private ByteString digest(int task, LogRecord record) {
    try {
      final var read = ValuesRecord.read(record.value(), GradientShard.parser());
      return Digests.of(run.digest(), run.topics().nameOf(task), read.header(), read.values());
    } catch (MalformedRecordException e) {
      return ByteString.EMPTY;
    }
  }

  private void require(
      Finding.Kind kind, long round, LogRecord record, String what, boolean holds) {
    if (!holds) {
      findings.add(Finding.of(kind, round, record, what));
    }
  }
}
