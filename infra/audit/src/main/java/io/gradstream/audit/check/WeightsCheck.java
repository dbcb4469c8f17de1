package io.gradstream.audit.check;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import io.gradstream.audit.check.WeightFindings.Suspect;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.FindingListener;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One partition of the weights topic, held against what was computed.
 *
 * <p>Which records a version must have is known once it was computed, by their digests. So nothing
 * that a record says of itself decides how the topic is read: it is read once, in its order, and a
 * record that says it is of a version that was not computed yet waits there, and all behind it,
 * until it was. What is not as it was computed is junk where the right record lies elsewhere, in
 * front of it or behind, and damage where none does; that is known at the end.
 *
 * <p>The digests of the versions that lack a record are remembered, 16 bytes each, and the newest
 * of the others: memory depends on what the run published, not on what else is there. One owner,
 * one thread.
 */
final class WeightsCheck implements AutoCloseable {
  /** Most digests that are kept of versions of which all is there. */
  private static final int REMEMBERED = 1_000_000;

  /** Most findings that are kept with both values until it is known what they are. */
  private static final int DETAILED = 1_000;

  /** Versions follow from each other: of those in a row that have a fault, so many are told. */
  private static final int TOLD_IN_A_ROW = 2;

  /** A version of the partition's weights as it was computed. */
  interface Computed {
    /** The record of a shard. */
    byte[] weights(Shard shard);

    /** The seal over them, unsigned. */
    WeightSeal seal();
  }

  private record Item(long version, int item) {}

  private final RunDescription run;
  private final TopicPartition partition;
  private final List<Shard> shards;
  private final boolean sealed;
  private final FindingListener findings;
  private final WeightFindings words;
  private final ShardComparison comparison;
  private final SealComparison seals;
  private final LogCursor cursor;
  private final TreeMap<Long, VersionRecords> versions = new TreeMap<>();
  private final Map<Item, Suspect> details = new HashMap<>();
  private final int[] faultsInARow;

  private @Nullable LogRecord ahead;
  private @Nullable WeightsStatement said;
  private boolean ended;
  private long expectedOffset;

  /** Whether offsets without a record were passed since something was found. */
  private boolean gap;

  /** The version at hand, while it is read. */
  private @Nullable Computed own;

  private long computed = -1;
  private long settled = -1;
  private long lastPlace = Finding.NOWHERE;
  private long lastPlaceOf = -1;
  private long remembered;
  private long compared;
  private long gone;
  private long sealsCompared;

  WeightsCheck(RunLog log, int partition, FindingListener findings) {
    this.run = log.run();
    this.partition = new TopicPartition(run.topics().weights(), partition);
    this.shards = run.manifest().shardsOf(partition);
    this.sealed = run.isSealed() && !shards.isEmpty();
    this.findings = findings;
    this.words = new WeightFindings(this.partition, shards);
    this.comparison = new ShardComparison(run);
    this.seals = new SealComparison(run);
    this.cursor = log.read(this.partition, 0);
    this.faultsInARow = new int[items()];
  }

  /** Versions of shards that were compared. */
  long compared() {
    return compared;
  }

  /** Versions of shards that were compacted away. */
  long gone() {
    return gone;
  }

  /** Versions that had the seal that was computed, or another one. */
  long sealsCompared() {
    return sealsCompared;
  }

  private int items() {
    return shards.size() + (sealed ? 1 : 0);
  }

  /**
   * Compares a version, and what else lies before the next one.
   *
   * @param version higher than at the call before
   * @param by what was computed
   */
  void compare(long version, Computed by) {
    if (items() == 0) {
      return;
    }
    final var records = new VersionRecords(version, shards.size(), items());
    versions.put(version, records);
    computed = version;
    own = by;
    while (peek() != null && (said == null || said.version() <= computed || !has(said.version()))) {
      judge(take(), -1);
    }
    for (int item = 0; item < items(); item++) {
      if (!records.knows(item)) {
        records.expect(item, digestOf(item));
      }
    }
    own = null;
    settleWholeOnes();
  }

  /**
   * Says that no further version is computed, and tells what is missing or damaged.
   *
   * @param last the version that the last verdict led to; those behind it are unfounded. -1 if the
   *     log was not looked at to its end, so that nothing is known of them
   * @param over whether nothing is on its way any more
   */
  void end(long last, boolean over) {
    final boolean whole = versions.values().stream().allMatch(VersionRecords::isWhole);
    while ((last >= 0 || !whole) && peek() != null) {
      judge(take(), last);
    }
    final long highest =
        versions.values().stream()
            .filter(VersionRecords::hasAny)
            .mapToLong(VersionRecords::version)
            .max()
            .orElse(-1);
    for (final VersionRecords each : versions.tailMap(settled, false).values()) {
      settle(each, over || each.version() < highest);
    }
  }

  private boolean has(long version) {
    return version >= run.firstRound() && version <= run.spec().rounds();
  }

  private @Nullable LogRecord peek() {
    if (ahead == null && !ended) {
      ahead = cursor.next();
      ended = ahead == null;
      said = ahead == null ? null : WeightsStatement.of(ahead, run, shards).orElse(null);
    }
    return ahead;
  }

  private LogRecord take() {
    final LogRecord record = requireNonNull(ahead);
    gap |= record.offset() != expectedOffset;
    expectedOffset = record.offset() + 1;
    ahead = null;
    return record;
  }

  private void judge(LogRecord record, long last) {
    final WeightsStatement says = said;
    final boolean seal = WeightsStatement.isSeal(record);
    if (seal && !sealed) {
      return;
    }
    if (says == null) {
      if (seal) {
        findings.add(
            Finding.of(
                Finding.Kind.ORDER,
                SealComparison.round(computed),
                record,
                "a seal that is unreadable"));
      }
      return; // nobody takes it for weights
    }
    if (!has(says.version())) {
      order(record, says, ", which the run does not have");
    } else if (says.version() > computed) {
      if (last >= 0 && says.version() > last) {
        order(record, says, ", and no verdict led to it");
      }
    } else {
      final VersionRecords of = versions.get(says.version());
      if (of != null) {
        judge(record, says, of);
      }
    }
  }

  private void judge(LogRecord record, WeightsStatement says, VersionRecords of) {
    Optional<Finding> wrong = wrong(record, says, of);
    if (wrong.isEmpty() && says.seal() != null) {
      wrong = seals.unsigned(record, says.seal());
      if (wrong.isPresent() && seals.isWrittenByFork(says.seal())) {
        return; // a signed one must come as well
      }
    }
    final int item = says.item();
    final var key = new Item(of.version(), item);
    if (wrong.isEmpty()) {
      if (!of.isFound(item)) {
        of.find(item, record.offset(), gap);
        gap = false;
        count(item);
        if (of.other(item) != Finding.NOWHERE) {
          findings.add(suspect(of, item).junk());
          of.forgetOther(item);
          details.remove(key);
        }
      }
    } else {
      final var suspect = new Suspect(wrong.get(), isCredible(record, says));
      if (of.isFound(item) || !of.noteOther(item, record.offset())) {
        findings.add(suspect.junk());
      } else if (details.size() < DETAILED) {
        details.put(key, suspect);
      }
    }
  }

  private void count(int item) {
    if (item < shards.size()) {
      compared++;
    } else {
      sealsCompared++;
    }
  }

  /** What is wrong with a record of a version that was computed, signatures aside. */
  private Optional<Finding> wrong(LogRecord record, WeightsStatement says, VersionRecords of) {
    final int item = says.item();
    final WeightSeal seal = says.seal();
    if (own != null && of.version() == computed) {
      if (seal != null) {
        final WeightSeal expected = own.seal();
        of.expect(item, expected.getDigest());
        return seals.compare(record, seal, expected);
      }
      final byte[] expected = own.weights(shards.get(item));
      of.expect(item, digest(expected));
      return comparison.weights(SealComparison.round(of.version()), record, expected);
    }
    final boolean keyFits =
        seal != null || Arrays.equals(record.key(), Keys.shard(shards.get(item).index()));
    if (keyFits && of.has(item, says.digest()) && says.computed().get().equals(says.digest())) {
      return Optional.empty();
    }
    return Optional.of(
        new Finding(
            seal == null ? Finding.Kind.WEIGHTS : Finding.Kind.SEAL,
            SealComparison.round(of.version()),
            partition,
            record.offset(),
            keyFits
                ? words.text(says) + ", not as it was computed"
                : words.text(says) + ", whose key is not that of the shard",
            keyFits ? Finding.text(says.computed().get()) : "",
            keyFits ? of.text(item) : ""));
  }

  private ByteString digestOf(int item) {
    final Computed by = requireNonNull(own);
    return item < shards.size() ? digest(by.weights(shards.get(item))) : by.seal().getDigest();
  }

  private static ByteString digest(byte[] weights) {
    try {
      return ValuesRecord.read(weights, WeightShard.parser()).header().getDigest();
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("a record of its own", e);
    }
  }

  private void settleWholeOnes() {
    for (final VersionRecords each : versions.tailMap(settled, false).values()) {
      if (!each.isWhole()) {
        return;
      }
      settle(each, true);
      remembered += each.items();
    }
    while (remembered > REMEMBERED && versions.size() > 1) {
      remembered -= versions.pollFirstEntry().getValue().items();
    }
  }

  /** Tells of a version what is missing, damaged or out of its place. */
  private void settle(VersionRecords of, boolean mustBeThere) {
    final boolean taken = !of.isWhole() && tookCompaction(of);
    for (int item = 0; item < of.items(); item++) {
      if (of.isFound(item)) {
        faultsInARow[item] = 0;
        checkPlace(of, item);
      } else if (of.other(item) != Finding.NOWHERE) {
        if (++faultsInARow[item] <= TOLD_IN_A_ROW) {
          findings.add(suspect(of, item).finding());
        }
        count(item);
      } else if (taken && (item < shards.size() || of.lacksShards())) {
        gone += item < shards.size() ? 1 : 0;
      } else if (mustBeThere) {
        findings.add(words.missing(of, item));
      }
      details.remove(new Item(of.version(), item));
    }
    for (int item = 0; item < shards.size(); item++) {
      if (of.place(item) > lastPlace) {
        lastPlace = of.place(item);
        lastPlaceOf = of.version();
      }
    }
    settled = of.version();
    of.settle();
  }

  /** Whether offsets without a record lie where a version's records must lie. */
  private boolean tookCompaction(VersionRecords of) {
    for (final VersionRecords next : versions.tailMap(of.version(), false).values()) {
      if (next.hasAny()) {
        return of.hasGaps() || next.hasGapBefore();
      }
    }
    return of.hasGaps() || gap;
  }

  /** A copy of a later version in front of an earlier one was put there afterwards. */
  private void checkPlace(VersionRecords of, int item) {
    if (item < shards.size() && of.place(item) < lastPlace) {
      findings.add(words.outOfPlace(of, item, lastPlaceOf));
    }
  }

  private Suspect suspect(VersionRecords of, int item) {
    final Suspect detailed = details.get(new Item(of.version(), item));
    return detailed != null ? detailed : words.suspect(of, item);
  }

  private void order(LogRecord record, WeightsStatement says, String what) {
    findings.add(
        Finding.of(
            isCredible(record, says) ? Finding.Kind.SEAL : Finding.Kind.ORDER,
            SealComparison.round(says.version()),
            record,
            words.text(says) + what));
  }

  /**
   * Whether a record is a seal that readers take, who know nothing but its digest and signature.
   */
  private boolean isCredible(LogRecord record, WeightsStatement says) {
    return says.seal() != null
        && says.computed().get().equals(says.digest())
        && seals.unsigned(record, says.seal()).isEmpty();
  }

  @Override
  public void close() {
    cursor.close();
  }
}
