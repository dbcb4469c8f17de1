package io.gradstream.audit.rounds;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.record.MalformedRecordException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One partition of the updates: of each round the first copy of each shard that counts. An update
 * counts if it names the log's verdict of its round, as the server takes it; where none does, or
 * that verdict is not known, the first copy is told, so that it can be said what is wrong with it.
 * A copy that comes again must be the same.
 *
 * <p>What is wanted may lie behind what came ahead of its turn. So the reader goes on until it has
 * what is wanted, or a later number whole, and keeps what it passes: a record ahead of a whole
 * earlier number is one that nobody can have written there. One owner, one thread.
 */
public final class LoggedUpdates implements AutoCloseable {
  /** Number of the weights to start from, among the updates. */
  public static final long INITIAL = -1;

  private final LogCut log;
  private final List<Shard> shards;
  private final UpdateFindings words = new UpdateFindings();
  private final FindingListener findings;
  private final VerdictChain verdicts;
  private final PeekingCursor records;
  private final TreeMap<Long, TreeMap<Integer, LogRecord>> ahead = new TreeMap<>();
  private final TreeMap<Integer, LogRecord> others = new TreeMap<>();
  private Map<Integer, ByteString> before = Map.of();
  private long numberBefore = Long.MIN_VALUE;
  private long wanted = INITIAL;
  private long told = Finding.NOWHERE;
  private boolean gone;

  /** Opens a partition's updates at their beginning. */
  public LoggedUpdates(LogCut log, int partition, FindingListener findings) {
    final var source = new TopicPartition(log.run().topics().updates(), partition);
    this.log = log;
    this.verdicts = log.verdicts();
    this.shards = log.run().manifest().shardsOf(partition);
    this.findings = findings;
    this.records = new PeekingCursor(log, source);
    this.gone = log.start(source) > 0;
  }

  /** The shards that travel on this partition. */
  public List<Shard> shards() {
    return shards;
  }

  /**
   * The records of a round, by shard.
   *
   * <p>Fewer than there are shards if the log goes on without them, or ends.
   *
   * @param number higher than at the call before
   */
  public SortedMap<Integer, LogRecord> next(long number) {
    wanted = number;
    final var found = new TreeMap<Integer, LogRecord>();
    final var digests = new HashMap<Integer, ByteString>();
    final long begin = records.position();
    final var early = new EarlyRecords(words);
    final TreeMap<Integer, LogRecord> kept = ahead.remove(number);
    if (kept != null) {
      kept.forEach((shard, record) -> take(requireNonNull(read(record)), record, found, digests));
    }
    while (found.size() < shards.size() && !aLaterOneIsWhole()) {
      final LogRecord record = records.peek();
      if (record == null) {
        break;
      }
      records.skip();
      final UpdateStatement said = read(record);
      if (said == null) {
        continue;
      }
      if (said.number() > lastNumber()) {
        tell(record, words.unfounded(record, said, 0));
      } else if (said.number() <= number) {
        take(said, record, found, digests);
      } else if (namesAnotherVerdict(said)) {
        tell(record, words.anotherVerdict(record, said));
      } else if (verdictOf(number) != null && verdictOf(said.number()) == null) {
        early.add(record, said, number);
      } else {
        ahead
            .computeIfAbsent(said.number(), absent -> new TreeMap<>())
            .putIfAbsent(said.shard(), record);
      }
    }
    if (found.size() == shards.size()) {
      gone = false;
      reportAhead();
      early.report(findings);
    } else if (!early.isEmpty()) {
      records.rewind(begin);
    }
    addOthers(found, digests);
    before = digests;
    numberBefore = number;
    return found;
  }

  /** Where no copy names the log's verdict, the first one is told. */
  private void addOthers(SortedMap<Integer, LogRecord> found, Map<Integer, ByteString> digests) {
    others.forEach(
        (shard, record) -> {
          final UpdateStatement said = requireNonNull(read(record));
          if (found.putIfAbsent(shard, record) == null) {
            digests.put(shard, said.digest());
          } else {
            findings.add(words.anotherVerdict(record, said));
          }
          told = Math.max(told, record.offset());
        });
    others.clear();
  }

  /** The digest that an update of a round has to name; null where it is not known. */
  private @Nullable ByteString verdictOf(long number) {
    return number == INITIAL ? log.run().digest() : verdicts.digest(number).orElse(null);
  }

  private boolean namesAnotherVerdict(UpdateStatement said) {
    final ByteString verdict = verdictOf(said.number());
    return verdict != null && !verdict.equals(said.verdict());
  }

  /** Reports what was passed over, also if it is read again. */
  private void tell(LogRecord record, Finding finding) {
    if (record.offset() > told) {
      told = record.offset();
      findings.add(finding);
    }
  }

  private void take(
      UpdateStatement said,
      LogRecord record,
      SortedMap<Integer, LogRecord> found,
      Map<Integer, ByteString> digests) {
    final boolean first = said.number() == wanted && !found.containsKey(said.shard());
    if (first && !namesAnotherVerdict(said)) {
      // The arbitrator publishes a round's updates in the order of shards.
      if (!found.isEmpty() && found.lastKey() > said.shard()) {
        findings.add(words.afterAnother(record, said, found.lastKey()));
      }
      found.put(said.shard(), record);
      digests.put(said.shard(), said.digest());
    } else if (!first || others.putIfAbsent(said.shard(), record) != null) {
      checkAgain(record, said, digests);
    }
  }

  /** Whether what is kept says that nothing of the wanted number comes any more. */
  private boolean aLaterOneIsWhole() {
    return ahead.values().stream().anyMatch(each -> each.size() == shards.size())
        || ahead.values().stream().mapToInt(TreeMap::size).sum() > 2 * shards.size();
  }

  private long lastNumber() {
    return log.run().spec().rounds() - 1;
  }

  private void reportAhead() {
    ahead.forEach(
        (number, kept) ->
            kept.forEach(
                (shard, record) -> findings.add(words.ahead(record, number, shard, wanted))));
    ahead.clear();
  }

  /**
   * Reads to the end: what is of a number after the last one does not follow from any verdict.
   *
   * @param last the number that the last verdict led to, which {@link #next} was asked for
   */
  public void readRest(long last) {
    wanted = last;
    LogRecord first = null;
    int more = -1;
    for (final TreeMap<Integer, LogRecord> kept : ahead.values()) {
      for (final LogRecord record : kept.values()) {
        first = first == null || record.offset() < first.offset() ? record : first;
        more++;
      }
    }
    ahead.clear();
    for (LogRecord record = records.peek(); record != null; record = records.peek()) {
      records.skip();
      final UpdateStatement said = read(record);
      if (said != null && said.number() > last) {
        first = first == null ? record : first;
        more++;
      } else if (said != null) {
        checkAgain(record, said, before);
      }
    }
    if (first != null) {
      findings.add(words.unfounded(first, requireNonNull(read(first)), more));
    }
  }

  /** Says that a shard of what was asked for last is missed. */
  public Finding missing(Shard shard) {
    return words.missing(shard, wanted, records.partition(), records.gap());
  }

  /** Whether what is missing of updates was taken by retention: nothing was whole so far. */
  public boolean gone() {
    return gone;
  }

  /** Whether nothing comes any more. */
  public boolean ended() {
    return ahead.isEmpty() && records.peek() == null;
  }

  /** What a record says; null for one that the server refused as well. */
  private @Nullable UpdateStatement read(LogRecord record) {
    try {
      final UpdateStatement said = UpdateStatement.of(record.bytes());
      final boolean fits =
          said.manifest() == log.run().manifest().hash()
              && shards.stream().anyMatch(shard -> shard.index() == said.shard());
      return fits ? said : null;
    } catch (MalformedRecordException e) {
      return null;
    }
  }

  /** Holds a copy against the first one; of rounds longer ago the verdict alone is known. */
  private void checkAgain(LogRecord record, UpdateStatement said, Map<Integer, ByteString> now) {
    final ByteString expected =
        said.number() == wanted
            ? now.get(said.shard())
            : said.number() == numberBefore ? before.get(said.shard()) : null;
    if (expected != null
        && said.digest().equals(expected)
        && said.computed().get().equals(expected)) {
      return;
    }
    if (namesAnotherVerdict(said)) {
      tell(record, words.anotherVerdict(record, said));
    } else if (expected != null) {
      tell(record, words.otherValues(record, said));
    }
  }

  @Override
  public void close() {
    records.close();
  }
}
