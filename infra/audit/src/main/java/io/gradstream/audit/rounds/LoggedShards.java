package io.gradstream.audit.rounds;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One partition of the updates or of the weights: of each round or version the first copy of each
 * shard that counts. An update counts if it names the log's verdict of its round, as the server
 * takes it; where none does, or that verdict is not known, the first copy is told, so that it can
 * be said what is wrong with it. A copy that comes again must be the same.
 *
 * <p>What is wanted may lie behind what came ahead of its turn. So the reader goes on until it has
 * what is wanted, or a later number whole, and keeps what it passes: a record ahead of a whole
 * earlier number is one that nobody can have written there. One owner, one thread.
 */
public final class LoggedShards implements AutoCloseable {
  /** Number of the weights to start from, among the updates. */
  public static final long INITIAL = -1;

  private final RunLog log;
  private final List<Shard> shards;
  private final Finding.Kind kind;
  private final ShardFindings words;
  private final ShardStatement.Reader reader;
  private final FindingListener findings;
  private final Consumer<LogRecord> seals;
  private final @Nullable VerdictChain verdicts;
  private final PeekingCursor records;
  private final TreeMap<Long, TreeMap<Integer, LogRecord>> ahead = new TreeMap<>();
  private final TreeMap<Integer, LogRecord> others = new TreeMap<>();
  private Map<Integer, ByteString> before = Map.of();
  private long numberBefore = Long.MIN_VALUE;
  private long wanted = INITIAL;
  private long told = Finding.NOWHERE;
  private boolean gone;
  private boolean gaps;
  private boolean compacted;

  private LoggedShards(
      RunLog log,
      TopicPartition partition,
      Finding.Kind kind,
      ShardStatement.Reader reader,
      FindingListener findings,
      Consumer<LogRecord> seals,
      @Nullable VerdictChain verdicts) {
    this.log = log;
    this.verdicts = verdicts;
    this.shards = log.run().manifest().shardsOf(partition.partition());
    this.kind = kind;
    this.words = new ShardFindings(kind);
    this.reader = reader;
    this.findings = findings;
    this.seals = seals;
    this.records = new PeekingCursor(log, partition);
    this.gone = kind == Finding.Kind.UPDATE && log.start(partition) > 0;
  }

  /** A partition's updates, by round; {@link #INITIAL} for the weights to start from. */
  public static LoggedShards updates(LogCut log, int partition, FindingListener findings) {
    return new LoggedShards(
        log,
        new TopicPartition(log.run().topics().updates(), partition),
        Finding.Kind.UPDATE,
        ShardStatement::update,
        findings,
        none -> {},
        log.verdicts());
  }

  /**
   * A partition's weights, by version.
   *
   * @param seals told of each record under the key of seals that is passed on the way; those right
   *     behind a version's shards are passed with them
   */
  public static LoggedShards weights(
      RunLog log, int partition, FindingListener findings, Consumer<LogRecord> seals) {
    return new LoggedShards(
        log,
        new TopicPartition(log.run().topics().weights(), partition),
        Finding.Kind.WEIGHTS,
        ShardStatement::weights,
        findings,
        seals,
        null);
  }

  /** The shards that travel on this partition. */
  public List<Shard> shards() {
    return shards;
  }

  public TopicPartition partition() {
    return records.partition();
  }

  /**
   * The records of a round or version, by shard.
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
      gaps |= records.gap() != Finding.NOWHERE;
      if (isSeal(record)) {
        passSeals();
        continue;
      }
      records.skip();
      final ShardStatement said = read(record);
      if (said == null) {
        continue;
      }
      if (said.number() > lastNumber()) {
        tell(record, unfounded(List.of(record)));
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
    compacted = kind == Finding.Kind.WEIGHTS && gaps && found.size() < shards.size();
    if (found.size() == shards.size()) {
      gaps = false;
      gone = false;
      passSeals();
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
          final ShardStatement said = requireNonNull(read(record));
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
    if (verdicts == null) {
      return null;
    }
    return number == INITIAL ? log.run().digest() : verdicts.digest(number).orElse(null);
  }

  private boolean namesAnotherVerdict(ShardStatement said) {
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

  private boolean isSeal(LogRecord record) {
    return kind == Finding.Kind.WEIGHTS && Arrays.equals(record.key(), Keys.seal());
  }

  private void passSeals() {
    for (LogRecord record = records.peek();
        record != null && isSeal(record);
        record = records.peek()) {
      gaps |= records.gap() != Finding.NOWHERE;
      records.skip();
      seals.accept(record);
    }
  }

  private void take(
      ShardStatement said,
      LogRecord record,
      SortedMap<Integer, LogRecord> found,
      Map<Integer, ByteString> digests) {
    final boolean first = said.number() == wanted && !found.containsKey(said.shard());
    if (first && !namesAnotherVerdict(said)) {
      // The arbitrator publishes a round's updates in the order of shards.
      if (kind == Finding.Kind.UPDATE && !found.isEmpty() && found.lastKey() > said.shard()) {
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

  /** The run's last round, or the version after it. */
  private long lastNumber() {
    final long rounds = log.run().spec().rounds();
    return kind == Finding.Kind.WEIGHTS ? rounds : rounds - 1;
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
    final var unfounded = new ArrayList<LogRecord>();
    ahead.values().forEach(kept -> unfounded.addAll(kept.values()));
    ahead.clear();
    for (LogRecord record = records.peek(); record != null; record = records.peek()) {
      if (isSeal(record)) {
        passSeals();
        continue;
      }
      records.skip();
      final ShardStatement said = read(record);
      if (said != null && said.number() > last) {
        unfounded.add(record);
      } else if (said != null) {
        checkAgain(record, said, before);
      }
    }
    if (!unfounded.isEmpty()) {
      findings.add(unfounded(unfounded));
    }
  }

  private Finding unfounded(List<LogRecord> unfounded) {
    final LogRecord first =
        unfounded.stream().min(Comparator.comparingLong(LogRecord::offset)).orElseThrow();
    return words.unfounded(first, requireNonNull(read(first)), unfounded.size() - 1);
  }

  /** Says that a shard of what was asked for last is missed. */
  public Finding missing(Shard shard) {
    return words.missing(shard, wanted, records.partition(), records.gap());
  }

  /** Whether what is missing of updates was taken by retention: nothing was whole so far. */
  public boolean gone() {
    return gone;
  }

  /** Whether records may be missing because newer ones of their keys came. */
  public boolean compacted() {
    return compacted;
  }

  /** Whether nothing comes any more. */
  public boolean ended() {
    return ahead.isEmpty() && records.peek() == null;
  }

  /** What a record says; null for one that the server refused as well. */
  private @Nullable ShardStatement read(LogRecord record) {
    try {
      final ShardStatement said = reader.read(record.bytes());
      final boolean fits =
          said.manifest() == log.run().manifest().hash()
              && shards.stream().anyMatch(shard -> shard.index() == said.shard());
      return fits ? said : null;
    } catch (MalformedRecordException e) {
      return null;
    }
  }

  /** Holds a copy against the first one; of rounds longer ago the verdict alone is known. */
  private void checkAgain(LogRecord record, ShardStatement said, Map<Integer, ByteString> now) {
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
