package io.gradstream.audit.rounds;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
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
 * shard. A copy that comes again must be the same.
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
  private final ShardStatement.Reader reader;
  private final FindingListener findings;
  private final Consumer<LogRecord> seals;
  private final PeekingCursor records;
  private final TreeMap<Long, TreeMap<Integer, LogRecord>> ahead = new TreeMap<>();
  private Map<Integer, ByteString> before = Map.of();
  private long numberBefore = Long.MIN_VALUE;
  private long wanted = INITIAL;
  private boolean gone;
  private boolean gaps;
  private boolean compacted;

  private LoggedShards(
      RunLog log,
      TopicPartition partition,
      Finding.Kind kind,
      ShardStatement.Reader reader,
      FindingListener findings,
      Consumer<LogRecord> seals) {
    this.log = log;
    this.shards = log.run().manifest().shardsOf(partition.partition());
    this.kind = kind;
    this.reader = reader;
    this.findings = findings;
    this.seals = seals;
    this.records = new PeekingCursor(log, partition);
    this.gone = kind == Finding.Kind.UPDATE && log.start(partition) > 0;
  }

  /** A partition's updates, by round; {@link #INITIAL} for the weights to start from. */
  public static LoggedShards updates(RunLog log, int partition, FindingListener findings) {
    return new LoggedShards(
        log,
        new TopicPartition(log.run().topics().updates(), partition),
        Finding.Kind.UPDATE,
        ShardStatement::update,
        findings,
        none -> {});
  }

  /** A partition's weights, by version. */
  public static LoggedShards weights(RunLog log, int partition, FindingListener findings) {
    return weights(log, partition, findings, passed -> {});
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
        seals);
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
        reportUnfounded(List.of(record));
      } else if (said.number() > number) {
        ahead
            .computeIfAbsent(said.number(), absent -> new TreeMap<>())
            .putIfAbsent(said.shard(), record);
      } else {
        take(said, record, found, digests);
      }
    }
    compacted = kind == Finding.Kind.WEIGHTS && gaps && found.size() < shards.size();
    if (found.size() == shards.size()) {
      gaps = false;
      gone = false;
      passSeals();
      reportAhead();
    }
    before = digests;
    numberBefore = number;
    return found;
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
    if (said.number() == wanted && !found.containsKey(said.shard())) {
      checkOrder(record, said, found);
      found.put(said.shard(), record);
      digests.put(said.shard(), said.digest());
    } else {
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
                (shard, record) ->
                    findings.add(
                        Finding.of(
                            Finding.Kind.ORDER,
                            number,
                            record,
                            "shard %d of %s lies before those of %d; nobody can have had it then"
                                .formatted(shard, text(number), wanted)))));
    ahead.clear();
  }

  private String text(long number) {
    return (kind == Finding.Kind.WEIGHTS ? "version " : "round ") + number;
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
      reportUnfounded(unfounded);
    }
  }

  /** One finding for all that comes after the last verdict: it names the first. */
  private void reportUnfounded(List<LogRecord> unfounded) {
    final LogRecord first =
        unfounded.stream().min(Comparator.comparingLong(LogRecord::offset)).orElseThrow();
    final ShardStatement said = requireNonNull(read(first));
    findings.add(
        Finding.of(
            Finding.Kind.ORDER,
            said.number(),
            first,
            "shard %d of %s, and no verdict led to it%s"
                .formatted(
                    said.shard(),
                    text(said.number()),
                    unfounded.size() == 1
                        ? ""
                        : ", nor to %d more records here".formatted(unfounded.size() - 1))));
  }

  /** Says that a shard of what was asked for last is missed. */
  public Finding missing(Shard shard) {
    return Finding.of(
        Finding.Kind.MISSING,
        wanted,
        records.partition(),
        records.gap(),
        kind == Finding.Kind.WEIGHTS
            ? "the weights of shard " + shard.index() + " are not there"
            : "the update of shard " + shard.index() + " is not there");
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

  /** The arbitrator publishes a round's updates in the order of shards. */
  private void checkOrder(
      LogRecord record, ShardStatement said, SortedMap<Integer, LogRecord> found) {
    if (kind == Finding.Kind.UPDATE && !found.isEmpty() && found.lastKey() > said.shard()) {
      findings.add(
          Finding.of(
              Finding.Kind.ORDER,
              wanted,
              record,
              "shard %d comes after shard %d".formatted(said.shard(), found.lastKey())));
    }
  }

  /** Holds a copy against the first one; of rounds longer ago nothing is known any more. */
  private void checkAgain(LogRecord record, ShardStatement said, Map<Integer, ByteString> now) {
    final ByteString expected =
        said.number() == wanted
            ? now.get(said.shard())
            : said.number() == numberBefore ? before.get(said.shard()) : null;
    if (expected != null
        && !(said.digest().equals(expected) && said.computed().get().equals(expected))) {
      findings.add(
          Finding.of(
              kind,
              said.number(),
              record,
              "shard %d, sent once more, has other values".formatted(said.shard())));
    }
  }

  @Override
  public void close() {
    records.close();
  }
}
