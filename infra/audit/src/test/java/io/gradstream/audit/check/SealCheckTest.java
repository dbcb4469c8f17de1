package io.gradstream.audit.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Topics;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an audit says of seals that somebody changed, took away or made up. */
class SealCheckTest {
  private static final MemoryLog WHOLE = RecordedRun.train();
  private static final Topics TOPICS = WHOLE.run().topics();
  private static final int ROUNDS = 6;
  private static final int PARTITIONS = 2;

  private final MemoryLog log = WHOLE.copy();

  @Test
  void everyVersionsSealsAreCompared() {
    final AuditReport report = audit();

    assertThat(report.findings()).isEmpty();
    assertThat(report.sealsCompared()).isEqualTo((ROUNDS + 1L) * PARTITIONS);
  }

  @Test
  void aSealOverAnotherVerdictUpdateOrWeightsIsFound() {
    final LogRecord record = seal(3, 1);
    final WeightSeal honest = parse(record);
    final ByteString other = Digests.of(WHOLE.run().digest(), honest);
    final List<WeightSeal.Builder> forged =
        List.of(honest.toBuilder().setVerdict(other), honest.toBuilder(), honest.toBuilder());
    forged.get(1).getShardsBuilder(0).setUpdate(other);
    forged.get(2).getShardsBuilder(0).setWeights(other);
    for (final WeightSeal.Builder each : forged) {
      log.replace(record, withDigest(each));

      assertThat(audit().findings())
          .singleElement()
          .satisfies(
              finding -> {
                assertThat(finding.kind()).isEqualTo(Finding.Kind.SEAL);
                assertThat(finding.where()).isEqualTo(record.source());
                assertThat(finding.offset()).isEqualTo(record.offset());
                assertThat(finding.what()).startsWith("the seal of version 3, ");
              });
    }
  }

  /** The digest of a run's record keeps seals of other runs apart. */
  @Test
  void aSealOfAnotherRunIsFound() {
    final LogRecord record = seal(3, 1);
    final WeightSeal honest = parse(record);
    log.replace(
        record,
        honest.toBuilder()
            .setDigest(Digests.of(ByteString.copyFromUtf8("another"), honest))
            .build()
            .toByteArray());

    assertThat(audit().findings())
        .extracting(Finding::what)
        .containsExactly("the seal of version 3, field digest");
  }

  @Test
  void whateverByteIsChangedTheSealsPlaceIsNamed() {
    final LogRecord record = seal(3, 1);
    for (int at = 0; at < record.bytes().length; at += 5) {
      final byte[] changed = record.bytes().clone();
      changed[at] ^= 1;
      log.replace(record, changed);

      assertThat(audit().findings())
          .as("byte %d", at)
          .anySatisfy(
              finding -> {
                assertThat(finding.where()).isEqualTo(record.source());
                assertThat(finding.offset()).isEqualTo(record.offset());
              });
    }
  }

  @Test
  void aSealThatIsGoneIsMissedAtItsPlace() {
    for (final int version : new int[] {0, 3, ROUNDS}) {
      final MemoryLog without = WHOLE.copy();
      final LogRecord record = seal(version, 0);
      without.drop(record);

      assertThat(audit(without).findings())
          .singleElement()
          .satisfies(
              finding -> {
                assertThat(finding.kind()).isEqualTo(Finding.Kind.MISSING);
                assertThat(finding.where()).isEqualTo(record.source());
                assertThat(finding.offset()).isEqualTo(record.offset());
                assertThat(finding.what())
                    .isEqualTo("the seal of version %d is not there".formatted(version));
              });
    }
  }

  @Test
  void aSecondSealMayOnlySayTheSame() {
    final LogRecord record = seal(3, 0);
    final LogRecord behind = seal(4, 0);
    log.insert(behind, Keys.seal(), record.value());
    assertThat(audit().findings()).isEmpty();

    final byte[] forged =
        withDigest(parse(record).toBuilder().setVerdict(ByteString.copyFromUtf8("none")));
    log.insert(behind, Keys.seal(), forged);

    assertThat(audit().findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.offset()).isEqualTo(behind.offset()));
  }

  @Test
  void aSealThatLiesBeforeItsVersionIsHeldAgainstItToo() {
    final LogRecord early = seal(1, 0);
    log.insert(
        early,
        Keys.seal(),
        withDigest(parse(seal(4, 0)).toBuilder().setVerdict(ByteString.copyFromUtf8("none"))));

    assertThat(audit().findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.offset()).isEqualTo(early.offset());
              assertThat(finding.what())
                  .isEqualTo(
                      "not the run's, and readers may have taken it: the seal of version 4, field verdict");
            });
  }

  @Test
  void aSealOfAVersionThatNoVerdictLedToIsUnfounded() {
    final TopicPartition weights = seal(ROUNDS, 0).source();
    final WeightSeal.Builder last = parse(seal(ROUNDS, 0)).toBuilder();
    final long offset =
        log.append(weights.topic(), 0, Keys.seal(), withDigest(last.setVersion(ROUNDS + 1)));
    assertThat(audit().findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.offset()).isEqualTo(offset);
              assertThat(finding.what()).contains("version 7, which the run does not have");
            });

    for (int partition = 0; partition < PARTITIONS; partition++) {
      log.drop(log.records(new TopicPartition(TOPICS.verdicts(), partition)).getLast());
    }
    assertThat(audit().findings())
        .anySatisfy(
            finding ->
                assertThat(finding.what()).contains("the seal of version 6, and no verdict led"));
  }

  @Test
  void theLastSealOfARunThatStillTrainsMayBeOnItsWay() {
    for (int partition = 0; partition < PARTITIONS; partition++) {
      final List<LogRecord> verdicts =
          log.records(new TopicPartition(TOPICS.verdicts(), partition));
      log.drop(verdicts.getLast());
      final var updates = new TopicPartition(TOPICS.updates(), partition);
      log.cut(updates, log.end(updates) - log.run().manifest().shardsOf(partition).size());
      log.cut(seal(5, partition).source(), seal(5, partition).offset());
    }

    assertThat(audit().findings()).isEmpty();
  }

  @Test
  void whereTheRunListsServersTheirSignatureIsAskedFor(@TempDir Path directory) {
    final Path key = directory.resolve("server.key");
    final MemoryLog listed =
        RecordedRun.train("keys=[{server: main, public-key: %s}]".formatted(Signer.generate(key)));
    assertThat(audit(listed).findings())
        .hasSize(2 * PARTITIONS) // the first two in a row
        .allSatisfy(
            finding -> {
              assertThat(finding.kind()).isEqualTo(Finding.Kind.SEAL);
              assertThat(finding.what()).endsWith("has a seal that no parameter server signed");
            });

    final Signer signer = Signer.read(key, listed.run().spec(), Role.SERVER);
    for (int partition = 0; partition < PARTITIONS; partition++) {
      for (final LogRecord record :
          listed.records(new TopicPartition(listed.run().topics().weights(), partition))) {
        if (Arrays.equals(record.key(), Keys.seal())) {
          final WeightSeal seal = parse(record);
          final ByteString signature = signer.sign(seal.getDigest());
          listed.replace(record, seal.toBuilder().setSignature(signature).build().toByteArray());
        }
      }
    }
    assertThat(audit(listed).findings()).isEmpty();
  }

  /** Who makes a fork has no server's key. */
  @Test
  void theUnsignedSealThatAForkBeginsWithNeedsASignedOneBehindIt(@TempDir Path directory) {
    final Path key = directory.resolve("server.key");
    final RunDescription run = WHOLE.run();
    final RunSpec spec =
        RunSpec.parse(
            run.spec().text(),
            "test",
            List.of("keys=[{server: main, public-key: %s}]".formatted(Signer.generate(key))));
    final var fork =
        RunDescription.of(
            spec, run.manifest(), RunRecord.Origin.newBuilder().setVersion(3).build());
    final WeightSeal own = parse(seal(3, 0));
    final ByteString signature = Signer.read(key, spec, Role.SERVER).sign(own.getDigest());
    final var forked = new MemoryLog(fork);
    WHOLE.records(seal(3, 0).source()).stream()
        .filter(record -> versionOf(record) == 3)
        .forEach(record -> append(forked, record.key(), record.bytes()));

    assertThat(findingsOf(forked, own))
        .extracting(Finding::what)
        .containsExactly("the seal of version 3 is not there");

    append(forked, Keys.seal(), own.toBuilder().setSignature(signature).build().toByteArray());
    assertThat(findingsOf(forked, own)).isEmpty();
  }

  private static void append(MemoryLog to, byte @Nullable [] key, byte[] value) {
    to.append(to.run().topics().weights(), 0, key, value);
  }

  /** Holds the third version of the first partition against the whole log's. */
  private static List<Finding> findingsOf(MemoryLog forked, WeightSeal own) {
    final var findings = new ArrayList<Finding>();
    try (var check = new WeightsCheck(forked, 0, findings::add)) {
      check.compare(
          3,
          new WeightsCheck.Computed() {
            @Override
            public byte[] weights(Shard shard) {
              return WHOLE
                  .find(
                      TOPICS.weights(),
                      record ->
                          versionOf(record) == 3
                              && Arrays.equals(record.key(), Keys.shard(shard.index())))
                  .bytes();
            }

            @Override
            public WeightSeal seal() {
              return own;
            }
          });
      check.end(3, true);
      assertThat(check.compared()).isEqualTo(WHOLE.run().manifest().shardsOf(0).size());
      assertThat(check.sealsCompared()).isEqualTo(findings.isEmpty() ? 1 : 0);
    }
    return findings;
  }

  private static long versionOf(LogRecord record) {
    try {
      return Arrays.equals(record.key(), Keys.seal())
          ? parse(record).getVersion()
          : ValuesRecord.read(record.bytes(), WeightShard.parser()).header().getVersion();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Of each key the newest record stays, the seal's too. */
  @Test
  void whatCompactionTookIsNobodysFault() {
    for (int partition = 0; partition < PARTITIONS; partition++) {
      final LogRecord kept = seal(ROUNDS - 1, partition);
      log.records(kept.source()).stream()
          .filter(record -> record.offset() <= kept.offset())
          .forEach(log::drop);
    }

    final AuditReport report = audit();
    assertThat(report.findings()).isEmpty();
    assertThat(report.sealsCompared()).isEqualTo(PARTITIONS);
  }

  private AuditReport audit() {
    return audit(log);
  }

  private static AuditReport audit(MemoryLog log) {
    try (var audit = new Audit(log, Demands.all(), null)) {
      return audit.run(round -> {});
    }
  }

  private static byte[] withDigest(WeightSeal.Builder seal) {
    return seal.setDigest(Digests.of(WHOLE.run().digest(), seal.build())).build().toByteArray();
  }

  private static LogRecord seal(long version, int partition) {
    return WHOLE.find(
        TOPICS.weights(),
        record ->
            record.source().partition() == partition
                && Arrays.equals(record.key(), Keys.seal())
                && parse(record).getVersion() == version);
  }

  private static WeightSeal parse(LogRecord record) {
    try {
      return WeightSeal.parseFrom(record.bytes());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a seal of its own", e);
    }
  }
}
