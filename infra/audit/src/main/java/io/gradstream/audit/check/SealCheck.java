package io.gradstream.audit.check;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.audit.rounds.Difference;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.FindingListener;
import io.gradstream.proto.evidence.Signers;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One partition's seals of the weights, held against those that were computed.
 *
 * <p>Readers take a version of the weights when its seals are there, and of each shard the record
 * that its seal names. So a seal must be there for every version, and name the run, the verdict,
 * the updates and the weights that the audit computed. Where the run lists its parameter servers'
 * keys, one of them must have signed it.
 *
 * <p>A seal lies behind its version's shards, and before those of the next version; it may come
 * again. One owner, one thread.
 */
final class SealCheck {
  private static final long NONE = -1;
  private static final int MOST_IN_A_ROW = 2;

  private final RunDescription run;
  private final Signers signers;
  private final TopicPartition partition;
  private final FindingListener findings;

  /** Recorded seals of versions that were not computed yet. */
  private final TreeMap<Long, List<LogRecord>> ahead = new TreeMap<>();

  private @Nullable WeightSeal before;
  private @Nullable WeightSeal now;
  private long awaited = NONE;
  private long place = Finding.NOWHERE;
  private long faulty = NONE;
  private int faultsInARow;
  private long compared;

  SealCheck(RunDescription run, TopicPartition partition, FindingListener findings) {
    this.run = run;
    this.signers = Signers.of(run.spec());
    this.partition = partition;
    this.findings = findings;
  }

  /** How many versions had the seal that they must have. */
  long compared() {
    return compared;
  }

  /** Takes in a record under the key of seals, as the log brings it. */
  void take(LogRecord record) {
    final WeightSeal seal;
    try {
      seal = WeightSeal.parseFrom(record.bytes());
    } catch (InvalidProtocolBufferException e) {
      findings.add(
          Finding.of(Finding.Kind.SEAL, round(current()), record, "a seal that is unreadable"));
      return;
    }
    final long version = seal.getVersion();
    if (version < run.firstRound() || version > run.spec().rounds()) {
      findings.add(
          Finding.of(
              Finding.Kind.SEAL,
              round(version),
              record,
              "the seal of version %d, which the run does not have".formatted(version)));
    } else if (now != null && version == now.getVersion()) {
      compare(record, seal, now);
    } else if (before != null && version == before.getVersion()) {
      compare(record, seal, before);
    } else if (version > current()) {
      ahead.computeIfAbsent(version, first -> new ArrayList<>()).add(record);
    }
  }

  /**
   * Says which seal the next version must have.
   *
   * @param own as it was computed here
   * @param behind offset after the last of the version's shards
   */
  void expect(WeightSeal own, long behind) {
    before = now;
    now = own;
    awaited = own.getVersion();
    place = behind;
    final List<LogRecord> there = ahead.remove(own.getVersion());
    ahead.headMap(own.getVersion()).clear();
    if (there != null) {
      there.forEach(this::take);
    }
  }

  /** Says that the log has gone on behind the place where the last seal must be. */
  void requireAwaited() {
    if (awaited != NONE) {
      findings.add(
          Finding.of(
              Finding.Kind.MISSING,
              round(awaited),
              partition,
              place,
              "the seal of version %d is not there".formatted(awaited)));
    }
    forgiveAwaited();
  }

  /** Says that the last seal need not be there: compaction may have taken it. */
  void forgiveAwaited() {
    awaited = NONE;
  }

  /**
   * Says that the log has ended.
   *
   * @param last the version that the last verdict led to
   */
  void end(long last) {
    final var unfounded =
        ahead.tailMap(last, false).values().stream().flatMap(List::stream).toList();
    if (!unfounded.isEmpty()) {
      findings.add(
          Finding.of(
              Finding.Kind.SEAL,
              last,
              unfounded.getFirst(),
              "the seal of version %d, and no verdict led to it%s"
                  .formatted(
                      ahead.higherKey(last),
                      unfounded.size() == 1
                          ? ""
                          : ", nor to %d more seals here".formatted(unfounded.size() - 1))));
    }
  }

  private void compare(LogRecord record, WeightSeal recorded, WeightSeal own) {
    final long version = own.getVersion();
    final Optional<String> unsigned = whyUnsigned(recorded);
    final boolean counts = unsigned.isEmpty() || !isWrittenByFork(recorded);
    if (counts && awaited == version) {
      awaited = NONE;
      compared++;
    }
    // The digest does not cover the signature, which is held against a key and not computed.
    final Difference difference =
        Difference.between(recorded.toBuilder().clearSignature().build(), own);
    if (!difference.none()) {
      report(
          version,
          difference.finding(
              Finding.Kind.SEAL, round(version), record, "the seal of version " + version));
    } else if (counts && unsigned.isPresent()) {
      report(
          version,
          Finding.of(
              Finding.Kind.SEAL,
              round(version),
              record,
              "version %d has %s".formatted(version, unsigned.get())));
    }
  }

  private Optional<String> whyUnsigned(WeightSeal seal) {
    try {
      signers.check(seal);
      return Optional.empty();
    } catch (MalformedRecordException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /** Who makes a fork has no server's key; its servers seal the first version once more. */
  private boolean isWrittenByFork(WeightSeal seal) {
    return run.origin().isPresent()
        && seal.getVersion() == run.firstRound()
        && seal.getSignature().isEmpty();
  }

  /** Versions follow from each other: of those in a row that have a fault, the first are told. */
  private void report(long version, Finding finding) {
    if (faulty != version) {
      faultsInARow = faulty == version - 1 ? faultsInARow + 1 : 1;
      faulty = version;
    }
    if (faultsInARow <= MOST_IN_A_ROW) {
      findings.add(finding);
    }
  }

  private long current() {
    return now == null ? NONE : now.getVersion();
  }

  /** The round that led to a version. */
  private static long round(long version) {
    return Math.max(0, version - 1);
  }
}
