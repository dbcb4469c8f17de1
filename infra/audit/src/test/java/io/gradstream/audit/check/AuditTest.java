package io.gradstream.audit.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.lineage.Lineage;
import io.gradstream.audit.rounds.Contradiction;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.topic.Topics;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What an audit says of logs that are whole, that go on, and that somebody changed. */
class AuditTest {
  private static final MemoryLog WHOLE = RecordedRun.train();
  private static final Topics TOPICS = WHOLE.run().topics();
  private static final int ROUNDS = 6;

  private final MemoryLog log = WHOLE.copy();

  @Test
  void aWholeLogIsClean() {
    final AuditReport report = audit(log);

    assertThat(report.findings()).isEmpty();
    assertThat(report.rounds()).isEqualTo(ROUNDS);
    assertThat(report.weightsCompared())
        .isEqualTo((ROUNDS + 1L) * log.run().manifest().shards().size());
    assertThat(report.contradictions()).isEmpty();
  }

  /** Of the newest rounds, topics have come to different places. */
  @Test
  void aRunThatStillTrainsIsClean() {
    cutFrom(TOPICS.weights(), weights(6, 0));
    cutFrom(TOPICS.weights(), weights(4, 1));
    cutFrom(TOPICS.updates(), update(5, 0));
    cutFrom(TOPICS.updates(), update(4, 1));
    cutFrom(TOPICS.verdicts(), verdict(5, 0));
    cutFrom(TOPICS.verdicts(), verdict(5, 1));

    final AuditReport report = audit(log);

    assertThat(report.findings()).isEmpty();
    assertThat(report.rounds()).isEqualTo(5);
  }

  @Test
  void weightsBehindTheLastVersionAreUnfounded() throws MalformedRecordException {
    final LogRecord last = weights(ROUNDS, 0);
    final WeightShard header = header(last, WeightShard.parser());
    final byte[] forged = last.bytes().clone();
    final var values = ValuesRecord.read(forged, WeightShard.parser()).values();
    Digests.seal(forged, header, values);
    log.append(TOPICS.weights(), last.source().partition(), last.key(), forged);
    final byte[] later =
        ValuesRecord.allocate(
            header.toBuilder().setVersion(ROUNDS + 1).build(), (int) values.byteSize());
    final long offset = log.append(TOPICS.weights(), last.source().partition(), last.key(), later);

    assertThat(audit(log).findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.where()).isEqualTo(last.source());
              assertThat(finding.offset()).isEqualTo(offset);
              assertThat(finding.what()).contains("version 7, which the run does not have");
            });
  }

  @Test
  void otherWeightsOfTheLastVersionAreFound() {
    final LogRecord last = weights(ROUNDS, 0);
    final byte[] forged = last.bytes().clone();
    forged[forged.length - 1] ^= 1;
    final long offset = log.append(TOPICS.weights(), last.source().partition(), last.key(), forged);

    assertThat(audit(log).findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.offset()).isEqualTo(offset));
  }

  @Test
  void aDroppedLastVerdictIsMissedByTheWeightsThatRemain() {
    cutFrom(TOPICS.verdicts(), verdict(5, 0));
    cutFrom(TOPICS.verdicts(), verdict(5, 1));

    assertThat(audit(log).findings())
        .isNotEmpty()
        .allSatisfy(finding -> assertThat(finding.what()).contains("no verdict led to it"));
  }

  @Test
  void aDroppedLastRoundIsMissedByTheWeightsThatRemain() {
    cutFrom(TOPICS.verdicts(), verdict(5, 0));
    cutFrom(TOPICS.verdicts(), verdict(5, 1));
    cutFrom(TOPICS.updates(), update(5, 0));
    cutFrom(TOPICS.updates(), update(5, 1));
    log.cut(
        new TopicPartition(TOPICS.statistics(), 0),
        log.find(TOPICS.statistics(), record -> round(record) == 5).offset());

    // Each shard, and the seal of each partition.
    assertThat(audit(log).findings())
        .hasSize(log.run().manifest().shards().size() + 2)
        .allSatisfy(finding -> assertThat(finding.where().topic()).isEqualTo(TOPICS.weights()));
  }

  @Test
  void whatAnAuditIsToldToExpectIsDemanded() {
    final AuditReport whole = audit(log);
    final ByteString head = whole.head();
    assertThat(audit(log, new Demands(0, Demands.all().last(), head, true)).clean()).isTrue();

    cutAfter(4);

    assertThat(audit(log).findings()).isEmpty();
    assertThat(audit(log, new Demands(0, Demands.all().last(), head, true)).findings())
        .extracting(Finding::what)
        .containsExactly(
            "the last verdict is not the expected one",
            "the run is not complete: it has 4 of 6 rounds");
  }

  @Test
  void anUpdateAheadOfItsRoundIsOneFinding() {
    final LogRecord at = update(2, 0);
    final LogRecord ahead = update(4, 0);
    final byte[] forged = ahead.bytes().clone();
    forged[forged.length - 1] ^= 1;
    log.insert(at, ahead.key(), forged);

    assertThat(audit(log).findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.where()).isEqualTo(at.source());
              assertThat(finding.offset()).isEqualTo(at.offset());
            });
  }

  @Test
  void aGradientsKeyIsNobodysBusiness() {
    final LogRecord gradient = gradient(2, 0);
    log.add(
        gradient.source().topic(),
        gradient.source().partition(),
        gradient.offset(),
        null,
        gradient.value());

    assertThat(audit(log).findings()).isEmpty();
  }

  /** Kafka's own markers take an offset each. */
  @Test
  void anOffsetWithoutARecordIsNoFinding() {
    final LogRecord verdict = WHOLE.find(TOPICS.verdicts(), each -> each.offset() == 3);
    final MemoryLog markers = WHOLE.copy();
    markers.insert(verdict, null, new byte[] {1});
    markers.drop(verdict);

    assertThat(audit(markers).findings()).isEmpty();
  }

  @Test
  void twoDifferentGradientsOfOneSlotAreToldOf() throws MalformedRecordException {
    final LogRecord counted = gradient(2, 0);
    final byte[] other = counted.bytes().clone();
    other[other.length - 3] ^= 1;
    final var read = ValuesRecord.read(other, GradientShard.parser());
    final ByteString digest =
        Digests.of(log.run().digest(), TOPICS.nameOf(0), read.header(), read.values());
    ValuesRecord.replaceHeader(other, read.header().toBuilder().setDigest(digest).build());
    log.append(counted.source().topic(), counted.source().partition(), null, other);
    final AuditReport late = audit(log);
    assertThat(late.findings()).isEmpty();

    final LogRecord last = gradient(5, 0);
    final byte[] twice = last.bytes().clone();
    twice[twice.length - 3] ^= 1;
    final var again = ValuesRecord.read(twice, GradientShard.parser());
    final GradientShard header = again.header().toBuilder().setWorker("mallory0").build();
    ValuesRecord.replaceHeader(
        twice,
        header.toBuilder()
            .setDigest(Digests.of(log.run().digest(), TOPICS.nameOf(0), header, again.values()))
            .build());
    log.append(last.source().topic(), last.source().partition(), null, twice);

    final AuditReport report = audit(log);
    assertThat(report.findings()).isEmpty();
    assertThat(report.contradictions())
        .containsExactly(Map.entry(new Contradiction("mallory0", "worker-0"), 1L));
  }

  @Test
  void anAuditGoesOnAfterALostGradient() {
    log.drop(gradient(2, 0));
    final LogRecord forged = weights(5, 1);
    final byte[] bytes = forged.bytes().clone();
    bytes[bytes.length - 1] ^= 1;
    log.replace(forged, bytes);

    final AuditReport report = audit(log);

    assertThat(report.rounds()).isEqualTo(ROUNDS);
    assertThat(report.broken()).containsOnlyKeys(2L, 4L);
    assertThat(report.notes())
        .anyMatch(note -> note.contains("from round 2 on sums are not computed"))
        .anyMatch(note -> note.contains("the odd one out is the gradient"));
    assertThat(report.weights()).isEqualTo(audit(WHOLE.copy()).weights());
  }

  @Test
  void aForgedVerdictIsTheOddOneOut() throws Exception {
    for (int partition = 0; partition < 2; partition++) {
      final LogRecord record = verdict(3, partition);
      final var forged = Verdict.parseFrom(record.bytes()).toBuilder();
      forged.setOutputScale(2 * forged.getOutputScale());
      log.replace(record, Digests.canonical(forged.build()));
    }

    final AuditReport report = audit(log);

    assertThat(report.findings())
        .singleElement()
        .satisfies(
            finding -> assertThat(finding.what()).isEqualTo("the verdict, field output_scale"));
    assertThat(report.notes()).anyMatch(note -> note.contains("odd one out is the recorded one"));
  }

  /** Recent rounds are audited as far as they can be, and explained. */
  @Test
  void whatRetentionTookIsNobodysFault() {
    for (int task = 0; task < 2; task++) {
      drop(TOPICS.gradients(task), record -> header(record, GradientShard.parser()).getRound() < 4);
    }
    final LogRecord partly = gradient(4, 0);
    drop(
        partly.source().topic(),
        record -> record.source().equals(partly.source()) && record.offset() <= partly.offset());
    drop(TOPICS.verdicts(), record -> round(record) < 3);
    drop(TOPICS.updates(), record -> header(record, UpdateShard.parser()).getRound() < 3);

    final AuditReport report = audit(log);

    assertThat(report.findings()).isEmpty();
    assertThat(report.first()).isEqualTo(4);
    assertThat(report.rounds()).isEqualTo(2);
    assertThat(report.head()).isEqualTo(audit(WHOLE.copy()).head());
    assertThat(report.weights()).isEmpty();
    assertThat(report.notes())
        .singleElement()
        .satisfies(note -> assertThat(note).contains("no longer reaches back"));
    final var origins = new Lineage(log);
    assertThat(origins.round(5, passed -> {}).round()).isEqualTo(5);
    assertThat(origins.reachesBack()).isFalse();
    assertThatThrownBy(() -> origins.round(2, passed -> {}))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("round 2 is no longer on the log, which begins with round 4");
  }

  /** Topics are cut where their segments end, each at another round. */
  @Test
  void statisticsThatRetentionTookAreNobodysFault() {
    drop(TOPICS.verdicts(), record -> round(record) < 1);
    drop(TOPICS.statistics(), record -> statisticsRound(record) < 3);

    final AuditReport report = audit(log);

    assertThat(report.findings()).isEmpty();
    assertThat(report.first()).isEqualTo(4);
    assertThat(report.rounds()).isEqualTo(2);
    assertThat(report.head()).isEqualTo(audit(WHOLE.copy()).head());
  }

  private static long statisticsRound(LogRecord record) {
    try {
      return ShardStatistics.parseFrom(record.value()).getRound();
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whatIsForgedAfterRetentionIsFound() {
    drop(TOPICS.verdicts(), record -> round(record) < 3);
    drop(TOPICS.updates(), record -> header(record, UpdateShard.parser()).getRound() < 3);
    final LogRecord gradient = gradient(5, 0);
    final byte[] forged = gradient.bytes().clone();
    forged[forged.length - 1] ^= 1;
    log.replace(gradient, forged);

    assertThat(audit(log).findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.offset()).isEqualTo(gradient.offset()));
  }

  private void drop(String topic, Predicate<LogRecord> which) {
    for (int partition = 0; partition < 2; partition++) {
      log.records(new TopicPartition(topic, partition)).stream().filter(which).forEach(log::drop);
    }
  }

  /** Nobody knew which slots would be drawn before the last verdict. */
  @Test
  void slotsAreDrawnByTheLastVerdict() {
    final Set<List<Long>> drawn = new HashSet<>();
    for (int rounds = 3; rounds <= ROUNDS; rounds++) {
      final MemoryLog part = WHOLE.copy();
      cutAfter(part, rounds);
      try (TaskModel model = Models.create(part.run().spec());
          var audit =
              new Audit(part, Demands.rounds(0, 2), new WorkerSpotCheck(part.run(), 0.5, model))) {
        final AuditReport report = audit.run(round -> {});
        assertThat(report.findings()).isEmpty();
        drawn.add(report.recomputed().values().stream().map(WorkerSpotCheck.Tally::slots).toList());
      }
    }

    assertThat(drawn).hasSizeGreaterThan(1);
  }

  private static AuditReport recompute(MemoryLog of) {
    return recompute(of, ByteString.EMPTY);
  }

  /** By an auditor whose samples have a digest. */
  private static AuditReport recompute(MemoryLog of, ByteString data) {
    try (TaskModel model = new KnownSamples(Models.create(of.run().spec()), data);
        var audit = new Audit(of, Demands.all(), new WorkerSpotCheck(of.run(), 1, model))) {
      return audit.run(round -> {});
    }
  }

  @Test
  void aGradientOfOtherDataIsSaidToBeThatAndNoWrongGradient() {
    final ByteString mine = Digests.of(ByteString.copyFromUtf8("mine"));
    final ByteString theirs = Digests.of(ByteString.copyFromUtf8("theirs"));
    final MemoryLog of = RecordedRun.train(new RecordedRun.Worker(0, 1.5f, theirs));

    final AuditReport elsewhere = recompute(of, mine);
    assertThat(elsewhere.findings())
        .hasSize(12)
        .allMatch(finding -> finding.kind() == Finding.Kind.DATA)
        .first()
        .asString()
        .contains("worker worker-1, slot 0 of second: not the same data")
        .contains("micro-batch 0");
    assertThat(elsewhere.recomputed().values())
        .containsExactly(
            new WorkerSpotCheck.Tally(12, 12, 0, 0), new WorkerSpotCheck.Tally(12, 0, 12, 0));
    for (final ByteString known : List.of(theirs, ByteString.EMPTY)) {
      assertThat(recompute(of, known).findings())
          .hasSize(12)
          .allMatch(finding -> finding.kind() == Finding.Kind.RECOMPUTED);
    }
  }

  /**
   * What rounds otherwise is no finding, and no proof: the report says which machine could tell.
   */
  @Test
  void gradientsOfAnotherArithmeticAreSaidToBeSoInsteadOfFound() {
    final AuditReport other = recompute(RecordedRun.train(new RecordedRun.Worker(0xbb, 1.01f)));

    assertThat(other.findings()).isEmpty();
    assertThat(other.notes())
        .singleElement()
        .asString()
        .startsWith(
            "12 slots of worker-1 were computed with arithmetic 00000000000000bb, here it is")
        .contains("largest relative error 0.010");
    assertThat(other.arithmetics()).hasSize(2).containsKey(0xbbL);
    assertThat(other.arithmetics().get(0xbbL)).containsEntry("worker-1", 12L);
  }

  @Test
  void noOtherArithmeticExplainsAGradientThatIsHalfAsLargeAgain() {
    final AuditReport liar = recompute(RecordedRun.train(new RecordedRun.Worker(0xbb, 1.5f)));

    assertThat(liar.findings())
        .hasSize(12)
        .allMatch(finding -> finding.kind() == Finding.Kind.RECOMPUTED);
  }

  @Test
  void whereTheArithmeticIsTheSameASmallDifferenceIsAFinding() {
    final AuditReport liar = recompute(RecordedRun.train(new RecordedRun.Worker(0, 1.01f)));

    assertThat(liar.findings()).hasSize(12);
    assertThat(liar.notes()).isEmpty();
  }

  @Test
  void aCountedGradientOfAnArithmeticThatTheRunDoesNotTakeIsAFinding() {
    final MemoryLog any = RecordedRun.train(new RecordedRun.Worker(0xbb, 1));
    final MemoryLog same =
        RecordedRun.train(new RecordedRun.Worker(0xbb, 1), "compute.arithmetic=same");

    assertThat(audit(any).findings()).isEmpty();
    assertThat(audit(same).findings())
        .isNotEmpty()
        .allSatisfy(
            finding ->
                assertThat(finding.what())
                    .contains("is not fit to be: arithmetic: 00000000000000bb, the run takes"));
  }

  @Test
  void garbageAndEmptyRecordsAreNobodys() {
    for (final String topic :
        List.of(
            TOPICS.verdicts(),
            TOPICS.statistics(),
            TOPICS.updates(),
            TOPICS.weights(),
            TOPICS.gradients(0))) {
      log.append(topic, 0, null, null);
      log.append(topic, 0, null, new byte[] {1, 2, 3});
    }
    log.append(TOPICS.deadLetters(), 0, null, null);

    assertThat(audit(log).findings()).isEmpty();
  }

  /** Anybody may write dead letters by hand. */
  @Test
  void namesInDeadLettersAreFitForATerminal() {
    log.append(
        TOPICS.deadLetters(),
        0,
        null,
        DeadLetter.newBuilder()
            .setTopic(TOPICS.gradients(0))
            .setWorker("\u001b]0;pwned\u0007\u001b[2J")
            .build()
            .toByteArray());

    assertThat(audit(log).refused()).containsExactly(Map.entry("?]0;pwned??[2J", 1L));
  }

  private static AuditReport audit(MemoryLog log) {
    return audit(log, Demands.all());
  }

  private static AuditReport audit(MemoryLog log, Demands demands) {
    try (var audit = new Audit(log, demands, null)) {
      return audit.run(round -> {});
    }
  }

  private void cutAfter(int rounds) {
    cutAfter(log, rounds);
  }

  /** A log as it was after some rounds. */
  private static void cutAfter(MemoryLog log, int rounds) {
    if (rounds == ROUNDS) {
      return;
    }
    for (int partition = 0; partition < 2; partition++) {
      log.cut(
          new TopicPartition(TOPICS.verdicts(), partition), verdict(rounds, partition).offset());
      log.cut(new TopicPartition(TOPICS.updates(), partition), update(rounds, partition).offset());
      log.cut(
          new TopicPartition(TOPICS.weights(), partition), weights(rounds + 1, partition).offset());
    }
  }

  private void cutFrom(String topic, LogRecord record) {
    log.cut(new TopicPartition(topic, record.source().partition()), record.offset());
  }

  private static LogRecord weights(long version, int partition) {
    return WHOLE.find(
        TOPICS.weights(),
        record ->
            record.source().partition() == partition
                && !Arrays.equals(record.key(), Keys.seal())
                && header(record, WeightShard.parser()).getVersion() == version);
  }

  private static LogRecord update(long round, int partition) {
    return WHOLE.find(
        TOPICS.updates(),
        record -> {
          final UpdateShard header = header(record, UpdateShard.parser());
          return record.source().partition() == partition
              && !header.getInitial()
              && header.getRound() == round;
        });
  }

  private static LogRecord verdict(long round, int partition) {
    return WHOLE.find(
        TOPICS.verdicts(),
        record -> record.source().partition() == partition && round(record) == round);
  }

  private static LogRecord gradient(long round, int slot) {
    return WHOLE.find(
        TOPICS.gradients(0),
        record -> {
          final GradientShard header = header(record, GradientShard.parser());
          return header.getRound() == round && header.getSlot() == slot;
        });
  }

  private static long round(LogRecord record) {
    return ByteBuffer.wrap(record.key()).getLong();
  }

  private static <H extends MessageLite> H header(LogRecord record, Parser<H> parser) {
    try {
      return ValuesRecord.read(record.bytes(), parser).header();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }
}
