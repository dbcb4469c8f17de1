package io.gradstream.audit.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.spec.ListedKey.Role;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever somebody writes to the weights topic, each record of it is named, and all that is the
 * run's is compared.
 */
class JunkWeightsTest {
  private static final MemoryLog WHOLE = RecordedRun.train();
  private static final int ROUNDS = 6;
  private static final int PARTITIONS = 2;

  private final Set<Long> junk = new TreeSet<>();
  private MemoryLog log = WHOLE.copy();

  @Test
  void unsealedWholeVersionsInFrontHideNothing() {
    for (final long version : new long[] {1, 3, ROUNDS}) {
      insert(0, shards(version, 0, 9));
    }

    isNamedAndHidesNothing(3 * shardsOf(0));
  }

  @Test
  void sealedVersionsThatAreStillToComeHideNothing() {
    insertSealed(2, ROUNDS);
    insertSealed(2, 4);

    final AuditReport report = audit();

    isNamed(report, 2 * (shardsOf(0) + 1));
    assertCompared(report);
    // Who reads the topic knows no more of a seal than that its digest fits.
    assertThat(report.findings())
        .filteredOn(finding -> finding.kind() != Finding.Kind.ORDER)
        .hasSize(2)
        .allMatch(finding -> finding.kind() == Finding.Kind.SEAL)
        .allMatch(finding -> finding.what().contains("readers may have taken it"));
  }

  @Test
  void whereServersAreListedSealedVersionsThatTheyDidNotSignHideNothing(@TempDir Path directory) {
    log = signed(directory.resolve("server.key"));
    insertSealed(2, ROUNDS);
    insertSealed(3, 4);

    isNamedAndHidesNothing(2 * (shardsOf(0) + 1));
  }

  @Test
  void aThousandRecordsHideNothing() {
    for (int i = 0; i < 1_000; i++) {
      final Shard shard = log.run().manifest().shardsOf(0).get(i % shardsOf(0));
      put(begin(i % ROUNDS), new byte[] {1, (byte) i}, shard(i % (ROUNDS + 1), shard, i));
    }

    final AuditReport report = audit();
    assertHonest(report);
    assertThat(report.found()).isEqualTo(1_000);
  }

  @Test
  void whatLiesBehindTheLastVersionIsNamed() {
    final var at = new TopicPartition(log.run().topics().weights(), 0);
    for (final long version : new long[] {0, 3, ROUNDS, ROUNDS + 1, 1L << 62, -1}) {
      for (final Shard shard : log.run().manifest().shardsOf(0)) {
        junk.add(log.append(at.topic(), 0, Keys.shard(shard.index()), shard(version, shard, 9)));
      }
    }

    isNamedAndHidesNothing(6 * shardsOf(0));
  }

  /** Between a version's shards, and of versions before, at hand and after. */
  @Test
  void whatLiesBetweenIsNamed() {
    for (int version = 1; version < ROUNDS; version++) {
      final Shard shard = log.run().manifest().shardsOf(0).getFirst();
      final long inside = begin(version) + 1;
      for (final long claimed : new long[] {0, version, version + 1, ROUNDS}) {
        put(inside, Keys.shard(shard.index()), shard(claimed, shard, 9));
      }
    }

    isNamedAndHidesNothing(4 * (ROUNDS - 1));
  }

  /** What is damaged is told from what somebody put beside it. */
  @Test
  void aDamagedRecordIsFoundBehindJunk() {
    final LogRecord damaged =
        WHOLE.find(
            WHOLE.run().topics().weights(),
            record -> record.offset() == begin(4) && record.source().partition() == 0);
    final byte[] bytes = damaged.bytes().clone();
    bytes[bytes.length - 1] ^= 1;
    log.replace(damaged, bytes);
    insert(0, shards(ROUNDS, 0, 9));

    final AuditReport report = audit();

    assertThat(report.findings())
        .filteredOn(finding -> finding.kind() != Finding.Kind.ORDER)
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.kind()).isEqualTo(Finding.Kind.WEIGHTS);
              assertThat(finding.offset()).isEqualTo(damaged.offset() + shardsOf(0));
            });
    assertThat(report.found()).isEqualTo(1 + shardsOf(0));
    assertThat(report.broken()).containsOnlyKeys(3L);
  }

  /** A record that is missed is missed, whatever else says that it is of a later version. */
  @Test
  void aMissingRecordIsMissedBehindJunk() {
    final var at = new TopicPartition(log.run().topics().weights(), 0);
    final long dropped = begin(4);
    final List<LogRecord> behind =
        log.records(at).stream().filter(record -> record.offset() > dropped).toList();
    log.cut(at, dropped);
    behind.forEach(
        record -> log.add(at.topic(), 0, record.offset() - 1, record.key(), record.value()));
    insert(0, shards(ROUNDS, 0, 9));

    assertThat(audit().findings())
        .filteredOn(finding -> finding.kind() != Finding.Kind.ORDER)
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.kind()).isEqualTo(Finding.Kind.MISSING);
              assertThat(finding.what()).contains("shard 0, version 4");
            });
  }

  /** Honest bits at a place where nobody can have had them are told of, and move nothing. */
  @Test
  void aCopyOfALaterVersionInFrontIsNamed() {
    final LogRecord later =
        log.records(new TopicPartition(log.run().topics().weights(), 0)).get((int) begin(5));
    put(0, later.key(), later.bytes());

    final AuditReport report = audit();

    assertThat(report.findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.offset()).isZero();
              assertThat(finding.what()).contains("nobody can have had it then");
            });
    assertThat(report.weightsCompared())
        .isEqualTo((ROUNDS + 1L) * WHOLE.run().manifest().shards().size());
  }

  /** Some rounds are compared as if the junk were not there. */
  @Test
  void someRoundsAreComparedWhateverElseLiesThere() {
    insert(0, shards(ROUNDS, 0, 9));

    final AuditReport report = audit(Demands.rounds(1, 3));

    assertThat(report.weightsCompared()).isEqualTo(3L * WHOLE.run().manifest().shards().size());
    assertThat(report.findings()).isEmpty();
  }

  private void isNamedAndHidesNothing(int records) {
    final AuditReport report = audit();

    assertHonest(report);
    isNamed(report, records);
  }

  private void isNamed(AuditReport report, int records) {
    assertThat(junk).hasSize(records);
    assertThat(report.findings())
        .extracting(Finding::offset)
        .containsExactlyInAnyOrderElementsOf(junk);
  }

  private static void assertHonest(AuditReport report) {
    assertThat(report.findings()).allMatch(finding -> finding.kind() == Finding.Kind.ORDER);
    assertThat(report.broken()).isEmpty();
    assertCompared(report);
  }

  private static void assertCompared(AuditReport report) {
    assertThat(report.weightsCompared())
        .isEqualTo((ROUNDS + 1L) * WHOLE.run().manifest().shards().size());
    assertThat(report.sealsCompared()).isEqualTo((ROUNDS + 1L) * PARTITIONS);
    assertThat(report.rounds()).isEqualTo(ROUNDS);
  }

  private static int shardsOf(int partition) {
    return WHOLE.run().manifest().shardsOf(partition).size();
  }

  /** Where a version begins in the whole log's first partition. */
  private static long begin(long version) {
    return version * (shardsOf(0) + 1);
  }

  private void insert(long offset, List<byte[]> records) {
    for (final byte[] record : records) {
      put(offset, new byte[] {1}, record);
    }
  }

  /** Puts a record somewhere on the first partition, and remembers where all junk lies then. */
  private void put(long offset, byte @Nullable [] key, byte[] value) {
    final var at = new TopicPartition(log.run().topics().weights(), 0);
    log.insert(log.records(at).get((int) offset), key, value);
    final List<Long> moved =
        junk.stream().map(place -> place >= offset ? place + 1 : place).toList();
    junk.clear();
    junk.addAll(moved);
    junk.add(offset);
  }

  private void insertSealed(long behind, long version) {
    final List<byte[]> shards = shards(version, 0, 9);
    final var seal =
        WeightSeal.newBuilder()
            .setVersion(version)
            .setManifest(log.run().manifest().hash())
            .setVerdict(Digests.UNKNOWN);
    for (int i = 0; i < shards.size(); i++) {
      seal.addShardsBuilder()
          .setShard(log.run().manifest().shardsOf(0).get(i).index())
          .setUpdate(Digests.UNKNOWN)
          .setWeights(header(shards.get(i)).getDigest());
    }
    put(
        begin(behind),
        Keys.seal(),
        seal.setDigest(Digests.of(log.run().digest(), seal.build())).build().toByteArray());
    for (int i = shards.size() - 1; i >= 0; i--) {
      put(
          begin(behind),
          Keys.shard(log.run().manifest().shardsOf(0).get(i).index()),
          shards.get(i));
    }
  }

  private static WeightShard header(byte[] record) {
    try {
      return ValuesRecord.read(record, WeightShard.parser()).header();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(e);
    }
  }

  private List<byte[]> shards(long version, int partition, float value) {
    return log.run().manifest().shardsOf(partition).stream()
        .map(shard -> shard(version, shard, value))
        .toList();
  }

  /** Weights whose digest fits them. */
  private byte[] shard(long version, Shard shard, float value) {
    final var header =
        WeightShard.newBuilder()
            .setVersion(version)
            .setShard(shard.index())
            .setManifest(log.run().manifest().hash())
            .setType(DataType.FLOAT32)
            .setUpdate(Digests.UNKNOWN)
            .setDigest(Digests.UNKNOWN)
            .build();
    final int bytes = shard.length() * Float.BYTES;
    final byte[] record = ValuesRecord.allocate(header, bytes);
    final MemorySegment values = ValuesRecord.valuesOf(record, bytes);
    for (int i = 0; i < shard.length(); i++) {
      values.set(ValueType.FLOAT, (long) i * Float.BYTES, value);
    }
    Digests.seal(record, header, values);
    return record;
  }

  /** A run that lists its server, whose seals that server signed. */
  private static MemoryLog signed(Path key) {
    final MemoryLog listed =
        RecordedRun.train("keys=[{server: main, public-key: %s}]".formatted(Signer.generate(key)));
    final Signer signer = Signer.read(key, listed.run().spec(), Role.SERVER);
    for (int partition = 0; partition < PARTITIONS; partition++) {
      for (final LogRecord record :
          listed.records(new TopicPartition(listed.run().topics().weights(), partition))) {
        if (Arrays.equals(record.key(), Keys.seal())) {
          try {
            final WeightSeal seal = WeightSeal.parseFrom(record.bytes());
            final ByteString signature = signer.sign(seal.getDigest());
            listed.replace(record, seal.toBuilder().setSignature(signature).build().toByteArray());
          } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
          }
        }
      }
    }
    return listed;
  }

  private AuditReport audit() {
    return audit(Demands.all());
  }

  private AuditReport audit(Demands demands) {
    try (var audit = new Audit(log, demands, null)) {
      return audit.run(round -> {});
    }
  }
}
