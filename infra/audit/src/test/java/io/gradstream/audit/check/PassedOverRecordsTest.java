package io.gradstream.audit.check;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.lineage.Lineage;
import io.gradstream.audit.lineage.Lineage.TensorChange;
import io.gradstream.audit.replay.AlternativeDecision;
import io.gradstream.audit.replay.Replay;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.topic.Topics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What services passed over ends no audit: it is named, and all the rest is computed. */
class PassedOverRecordsTest {
  private static final int ROUNDS = 6;

  private final MemoryLog log = RecordedRun.train();

  @Test
  void verdictsThatDoNotGoOnFromTheOneBeforeHideNothing() {
    final String honest = audit().weights();
    for (int partition = 0; partition < log.run().manifest().partitions(); partition++) {
      for (final long round : new long[] {0, 3, 30, 1L << 62}) {
        final var verdicts = new TopicPartition(log.run().topics().verdicts(), partition);
        final LogRecord first = log.records(verdicts).getFirst();
        log.insert(first, Keys.round(round), forged(round).toByteArray());
      }
    }

    final AuditReport report = audit();

    assertThat(report.rounds()).isEqualTo(ROUNDS);
    assertThat(report.weights()).isEqualTo(honest);
    assertThat(report.findings())
        .hasSize(4 * log.run().manifest().partitions())
        .allMatch(finding -> finding.kind() == Finding.Kind.ORDER)
        .allMatch(finding -> finding.what().startsWith("a verdict "));
    assertThat(new Lineage(log).round(4, passed -> {}).round()).isEqualTo(4);
  }

  /** Where the log ends a verdict that follows from nothing does not say that it goes on. */
  @ParameterizedTest
  @ValueSource(ints = {ROUNDS, 4})
  void verdictsBehindTheLastOneAreNoRounds(int rounds) {
    cutAfter(rounds);
    for (int partition = 0; partition < log.run().manifest().partitions(); partition++) {
      log.append(
          log.run().topics().verdicts(),
          partition,
          Keys.round(rounds),
          forged(rounds).toByteArray());
    }

    final AuditReport report = audit();

    assertThat(report.rounds()).isEqualTo(rounds);
    assertThat(report.findings())
        .hasSize(log.run().manifest().partitions())
        .allMatch(finding -> finding.kind() == Finding.Kind.ORDER);
  }

  /** Whole rounds of updates that nobody decided, in front of all; the run may be over or train. */
  @ParameterizedTest
  @ValueSource(ints = {ROUNDS, 4})
  void updatesOfOtherVerdictsHideNothing(int rounds) {
    cutAfter(rounds);
    final String honest = audit().weights();
    final long forged = forge(log.run().topics().updates(), this::forgedUpdate);

    final AuditReport report = audit();

    assertThat(report.rounds()).isEqualTo(rounds);
    assertThat(report.weights()).isEqualTo(honest);
    assertThat(report.findings())
        .hasSizeGreaterThan(ROUNDS)
        .allMatch(finding -> finding.kind() == Finding.Kind.ORDER && finding.offset() < forged);
    assertThat(replayed()).isEqualTo(rounds);
  }

  private int replayed() {
    int rounds = 0;
    try (var replay = new Replay(log, AlternativeDecision.of(log.run(), "sum", List.of()))) {
      while (replay.next().isPresent()) {
        rounds++;
      }
    }
    return rounds;
  }

  @ParameterizedTest
  @ValueSource(ints = {ROUNDS, 4})
  void whatIsLookedUpIsWhatCounts(int rounds) {
    cutAfter(rounds);
    final Map<String, Double> honest = changes();
    forge(log.run().topics().verdicts(), round -> List.of(forged(round).toByteArray()));
    final long updates = forge(log.run().topics().updates(), this::forgedUpdate);
    final long weights = forge(log.run().topics().weights(), this::forgedWeights);

    final var lineage = new Lineage(log);
    final LoggedRound round = lineage.round(2, passed -> {});

    assertThat(lineage.updates(2)).hasSameSizeAs(log.run().manifest().shards());
    assertThat(lineage.updates(2).values()).allMatch(record -> record.offset() >= updates);
    assertThat(lineage.weights(3)).hasSameSizeAs(log.run().manifest().shards());
    assertThat(lineage.weights(3).values()).allMatch(record -> record.offset() >= weights);
    assertThat(lineage.check(3, round)).isEmpty();
    assertThat(lineage.check(0, null)).isEmpty();
    assertThat(lineage.passedOver(2))
        .extracting(finding -> finding.where().topic())
        .containsOnly(
            log.run().topics().verdicts(),
            log.run().topics().updates(),
            log.run().topics().weights());
    assertThat(changes()).isEqualTo(honest);
  }

  private Map<String, Double> changes() {
    return new Lineage(log)
        .changes(2).stream().collect(toMap(TensorChange::tensor, TensorChange::norm));
  }

  /** A log as it was after some rounds. */
  private void cutAfter(int rounds) {
    final Topics topics = log.run().topics();
    for (int partition = 0; partition < log.run().manifest().partitions(); partition++) {
      cut(new TopicPartition(topics.verdicts(), partition), rounds);
      cut(new TopicPartition(topics.updates(), partition), rounds + 1); // and what it begins with
      cut(new TopicPartition(topics.weights(), partition), rounds + 1);
    }
    cut(new TopicPartition(topics.statistics(), 0), rounds);
  }

  private void cut(TopicPartition partition, int rounds) {
    final Topics topics = log.run().topics();
    final boolean begins =
        partition.topic().equals(topics.updates()) || partition.topic().equals(topics.weights());
    final int all = ROUNDS + (begins ? 1 : 0);
    final long records = log.end(partition);
    log.cut(partition, records * rounds / all);
  }

  /** Puts records of all rounds in front of a topic; tells how many each partition has of them. */
  private long forge(String topic, Function<Long, List<byte[]>> records) {
    long most = 0;
    for (int partition = 0; partition < log.run().manifest().partitions(); partition++) {
      final var at = new TopicPartition(topic, partition);
      for (long round = ROUNDS; round >= -1; round--) {
        for (final byte[] record : records.apply(round)) {
          log.insert(log.records(at).getFirst(), Keys.round(round), record);
          most++;
        }
      }
    }
    return most / log.run().manifest().partitions();
  }

  private List<byte[]> forgedUpdate(long round) {
    final List<byte[]> records = new ArrayList<>();
    for (final Shard shard : log.run().manifest().shards()) {
      final var header =
          UpdateShard.newBuilder()
              .setShard(shard.index())
              .setManifest(log.run().manifest().hash())
              .setInitial(round < 0)
              .setRound(Math.max(0, round))
              .setType(DataType.FLOAT32)
              .setVerdict(Digests.UNKNOWN)
              .setDigest(Digests.UNKNOWN)
              .build();
      final byte[] record = ValuesRecord.allocate(header, shard.length() * Float.BYTES);
      Digests.seal(record, header, ValuesRecord.valuesOf(record, shard.length() * Float.BYTES));
      records.add(record);
    }
    return records;
  }

  private List<byte[]> forgedWeights(long version) {
    final List<byte[]> records = new ArrayList<>();
    for (final Shard shard : log.run().manifest().shards()) {
      final var header =
          WeightShard.newBuilder()
              .setShard(shard.index())
              .setManifest(log.run().manifest().hash())
              .setVersion(version)
              .setType(DataType.FLOAT32)
              .setDigest(Digests.UNKNOWN)
              .build();
      final byte[] record = ValuesRecord.allocate(header, shard.length() * Float.BYTES);
      Digests.seal(record, header, ValuesRecord.valuesOf(record, shard.length() * Float.BYTES));
      records.add(record);
    }
    return records;
  }

  private Verdict forged(long round) {
    return Verdict.newBuilder()
        .setRound(round)
        .setManifest(log.run().manifest().hash())
        .setRun(log.run().digest())
        .setPrevious(Digests.UNKNOWN)
        .build();
  }

  private AuditReport audit() {
    try (var audit = new Audit(log, Demands.all(), null)) {
      return audit.run(round -> {});
    }
  }
}
