package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.gradstream.audit.check.Audit;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.Demands;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.KafkaRunLog;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.topic.Topics;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whoever changes one record of a log is found, with the record's place. */
class TamperingTest {
  private static final long ROUND = 3;

  @TempDir static Path directory;

  private static CopiedLog honest;
  private static Topics topics;
  private static String digest;

  @BeforeAll
  static void train() {
    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0)) {
      final LiveRun run =
          LiveRun.submit(kafka, directory, "honest", "rounds=6", "transport.partitions=2");
      digest = run.trainUndisturbed(2);
      try (var log = new KafkaRunLog(run.run())) {
        honest = CopiedLog.of(log);
      }
    }
    topics = honest.run().topics();
  }

  @Test
  void anHonestLogIsClean() {
    final AuditReport report = audit(honest);

    assertThat(report.findings()).isEmpty();
    assertThat(report.rounds()).isEqualTo(6);
    assertThat(report.weights()).isEqualTo(digest);
    assertThat(report.weightsCompared()).isEqualTo(7L * honest.run().manifest().shards().size());
    assertThat(
            report.contributions().values().stream()
                .flatMap(shares -> shares.values().stream())
                .mapToLong(share -> share.slots())
                .sum())
        .isEqualTo(6 * 2 * 3);
  }

  @Test
  void aFlippedBitInAGradient() {
    final LogRecord record = gradient(ROUND, 1, 0);
    finds(Finding.Kind.GRADIENT, record, log -> log.replace(record, TamperingTest::flipLastBit));
  }

  @Test
  void aDroppedGradient() {
    final LogRecord record = gradient(ROUND, 0, 1);
    finds(Finding.Kind.MISSING, record, log -> log.drop(record));
    finds(Finding.Kind.GRADIENT, record, log -> log.dropAndMoveUp(record));
  }

  @Test
  void aSwappedPairOfGradients() {
    final LogRecord one = gradient(ROUND, 1, 0);
    final LogRecord other = gradient(ROUND, 1, 2);
    final LogRecord first = one.offset() < other.offset() ? one : other;
    finds(Finding.Kind.GRADIENT, first, log -> log.swap(one, other));
  }

  @Test
  void aSlotClaimedByAnotherTasksWorker() {
    final LogRecord record = gradient(ROUND, 0, 1);
    final LogRecord others = gradient(ROUND, 1, 1);
    finds(Finding.Kind.GRADIENT, record, log -> log.replace(record, value -> others.bytes()));
  }

  @Test
  void aForgedGradientWithADigestOfItsOwn() {
    final LogRecord record = gradient(ROUND, 1, 0);
    finds(Finding.Kind.GRADIENT, record, log -> log.replace(record, TamperingTest::forgeGradient));
  }

  /** The statistics now agree with the gradient; the verdict was made of others. */
  @Test
  void aForgedGradientThatTheStatisticsWereMadeToFit() {
    final LogRecord record = gradient(ROUND, 1, 0);
    final byte[] forged = forgeGradient(record.bytes().clone());
    final LogRecord statistics = statistics(ROUND, record.source().partition());
    final AuditReport report =
        audit(
            log -> {
              log.replace(record, value -> forged);
              log.replace(statistics, value -> rechain(value, record.offset(), forged));
            });

    assertThat(report.findings()).anyMatch(finding -> finding.what().contains("contributions"));
    assertThat(report.findings()).allMatch(finding -> finding.round() == ROUND);
  }

  @Test
  void changedStatistics() {
    final LogRecord record = statistics(ROUND, 1);
    finds(
        Finding.Kind.STATISTICS,
        record,
        log ->
            log.replace(
                record,
                value -> {
                  final var changed = parse(value).toBuilder();
                  changed.getShardsBuilder(0).setGram(0, 1.5 * changed.getShards(0).getGram(0));
                  return changed.build().toByteArray();
                }));
  }

  @Test
  void droppedStatistics() {
    final LogRecord record = statistics(ROUND, 1);
    finds(Finding.Kind.MISSING, record, log -> log.drop(record));
  }

  @Test
  void aForgedVerdict() {
    final UnaryOperator<byte[]> forge =
        value -> {
          final var forged = verdict(value).toBuilder();
          return Digests.canonical(forged.setOutputScale(2 * forged.getOutputScale()).build());
        };
    final LogRecord record = verdict(ROUND, 0);
    final LogRecord copy = verdict(ROUND, 1);
    finds(Finding.Kind.VERDICT, copy, log -> log.replace(copy, forge));
    finds(
        Finding.Kind.VERDICT,
        record,
        log -> {
          log.replace(record, forge);
          log.replace(copy, forge);
        });
  }

  @Test
  void aVerdictThatWasCutOffFromTheOneBefore() {
    final LogRecord record = verdict(ROUND, 0);
    final UnaryOperator<byte[]> cut =
        value -> Digests.canonical(verdict(value).toBuilder().clearPrevious().build());
    final AuditReport report =
        audit(
            log -> {
              log.replace(record, cut);
              log.replace(verdict(ROUND, 1), cut);
            });

    assertThat(report.findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.what()).isEqualTo("the verdict, field previous");
              assertThat(finding.recorded()).isEqualTo("nothing");
              assertThat(finding.expected()).hasSize(64);
            });
  }

  @Test
  void aDroppedVerdict() {
    final LogRecord record = verdict(ROUND, 0);
    finds(Finding.Kind.MISSING, record, log -> log.drop(record));
  }

  @Test
  void aForgedUpdate() {
    final LogRecord record = update(ROUND, 0);
    finds(Finding.Kind.UPDATE, record, log -> log.replace(record, TamperingTest::forgeUpdate));
    finds(Finding.Kind.UPDATE, record, log -> log.replace(record, TamperingTest::flipLastBit));
  }

  @Test
  void swappedUpdates() {
    final LogRecord one = update(ROUND, 0);
    final LogRecord other =
        honest.find(
            topics.updates(),
            record -> record.source().equals(one.source()) && record.offset() == one.offset() + 1);
    finds(Finding.Kind.ORDER, other, log -> log.swap(one, other));
  }

  @Test
  void forgedWeights() {
    final LogRecord record =
        honest.find(
            topics.weights(),
            each ->
                !Arrays.equals(each.key(), Keys.seal()) && weights(each).getVersion() == ROUND + 1);
    finds(Finding.Kind.WEIGHTS, record, log -> log.replace(record, TamperingTest::flipLastBit));
    finds(Finding.Kind.MISSING, null, log -> log.dropAndMoveUp(record));
  }

  @Test
  void otherWeightsToStartFrom() {
    final LogRecord record = honest.find(topics.updates(), each -> header(each).getInitial());
    final AuditReport report = audit(log -> log.replace(record, TamperingTest::flipLastBit));

    assertThat(report.findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.offset()).isEqualTo(record.offset()));
  }

  /** The first finding must name the kind, round, topic, partition and offset. */
  private static void finds(
      Finding.Kind kind, @Nullable LogRecord place, Consumer<CopiedLog> tamper) {
    final AuditReport report = audit(tamper);

    assertThat(report.clean()).isFalse();
    final Finding first = report.findings().getFirst();
    assertThat(first.kind()).isEqualTo(kind);
    assertThat(first.round()).isBetween(ROUND, ROUND + 1);
    if (place != null) {
      assertThat(first.where()).isEqualTo(place.source());
      assertThat(first.offset()).isEqualTo(place.offset());
    }
  }

  private static AuditReport audit(Consumer<CopiedLog> tamper) {
    final CopiedLog log = honest.copy();
    tamper.accept(log);
    return audit(log);
  }

  private static AuditReport audit(CopiedLog log) {
    try (var audit = new Audit(log, Demands.all(), null)) {
      return audit.run(round -> {});
    }
  }

  private static LogRecord gradient(long round, int task, int slot) {
    return honest.find(
        topics.gradients(task),
        record -> {
          final GradientShard header = read(record, GradientShard.parser());
          return header.getRound() == round && header.getSlot() == slot;
        });
  }

  private static LogRecord statistics(long round, int partition) {
    return honest.find(
        topics.statistics(),
        record -> {
          final ShardStatistics statistics = parse(record.bytes());
          return statistics.getRound() == round && statistics.getPartition() == partition;
        });
  }

  private static LogRecord verdict(long round, int partition) {
    return honest.find(
        topics.verdicts(),
        record ->
            record.source().partition() == partition
                && verdict(record.bytes()).getRound() == round);
  }

  private static LogRecord update(long round, int partition) {
    return honest.find(
        topics.updates(),
        record ->
            record.source().partition() == partition
                && !header(record).getInitial()
                && header(record).getRound() == round);
  }

  private static UpdateShard header(LogRecord record) {
    return read(record, UpdateShard.parser());
  }

  private static WeightShard weights(LogRecord record) {
    return read(record, WeightShard.parser());
  }

  private static <H extends MessageLite> H read(LogRecord record, Parser<H> parser) {
    try {
      return ValuesRecord.read(record.bytes(), parser).header();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Verdict verdict(byte[] value) {
    try {
      return Verdict.parseFrom(value);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ShardStatistics parse(byte[] value) {
    try {
      return ShardStatistics.parseFrom(value);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] flipLastBit(byte[] value) {
    value[value.length - 1] ^= 1;
    return value;
  }

  /** Other values, and the digest that belongs to them. */
  private static byte[] forgeGradient(byte[] value) {
    flipLastBit(value);
    try {
      final var read = ValuesRecord.read(value, GradientShard.parser());
      final GradientShard header = read.header();
      final ByteString own =
          Digests.of(honest.run().digest(), topics.nameOf(1), header, read.values());
      ValuesRecord.replaceHeader(value, header.toBuilder().setDigest(own).build());
      return value;
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] forgeUpdate(byte[] value) {
    flipLastBit(value);
    try {
      final var read = ValuesRecord.read(value, UpdateShard.parser());
      Digests.seal(value, read.header(), read.values());
      return value;
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Statistics that claim another gradient at an offset. */
  private static byte[] rechain(byte[] statistics, long offset, byte[] gradient) {
    try {
      final GradientShard header = ValuesRecord.read(gradient, GradientShard.parser()).header();
      final var changed = parse(statistics).toBuilder();
      for (final var shard : changed.getShardsBuilderList()) {
        for (final var each : shard.getContributionsBuilderList()) {
          if (each.getTask() == 1 && each.getOffset() == offset) {
            each.setDigest(header.getDigest());
          }
        }
      }
      return changed.build().toByteArray();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }
}
