package io.gradstream.audit.replay;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.spec.Transport;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One partition of the updates or of the weights: of each round or version the first copy of each
 * shard. A copy that comes again must be the same. One owner, one thread.
 */
public final class LoggedShards implements AutoCloseable {
  /** Number of the weights to start from, among the updates. */
  public static final long INITIAL = -1;

  /** What a record says of itself; {@code computed} takes its digest from its bytes. */
  private record Said(
      long number, int shard, long manifest, ByteString digest, Supplier<ByteString> computed) {}

  private interface Reader {
    Said read(byte[] record) throws MalformedRecordException;
  }

  private final RunLog log;
  private final List<Shard> shards;
  private final Finding.Kind kind;
  private final Reader reader;
  private final FindingListener findings;
  private final PeekingCursor records;
  private Map<Integer, ByteString> before = Map.of();
  private long numberBefore = Long.MIN_VALUE;
  private long wanted = INITIAL;
  private boolean compacted;

  private LoggedShards(
      RunLog log,
      TopicPartition partition,
      Finding.Kind kind,
      Reader reader,
      FindingListener findings) {
    this.log = log;
    this.shards = log.run().manifest().shardsOf(partition.partition());
    this.kind = kind;
    this.reader = reader;
    this.findings = findings;
    this.records = new PeekingCursor(log, partition, this::gap);
  }

  /** A partition's updates, by round; {@link #INITIAL} for the weights to start from. */
  public static LoggedShards updates(RunLog log, int partition, FindingListener findings) {
    return new LoggedShards(
        log,
        new TopicPartition(log.run().topics().updates(), partition),
        Finding.Kind.UPDATE,
        LoggedShards::update,
        findings);
  }

  /** A partition's weights, by version. */
  public static LoggedShards weights(RunLog log, int partition, FindingListener findings) {
    return new LoggedShards(
        log,
        new TopicPartition(log.run().topics().weights(), partition),
        Finding.Kind.WEIGHTS,
        LoggedShards::weights,
        findings);
  }

  private static Said update(byte[] record) throws MalformedRecordException {
    final ValuesRecord<UpdateShard> read = ValuesRecord.read(record, UpdateShard.parser());
    final UpdateShard header = read.header();
    return new Said(
        header.getInitial() ? INITIAL : header.getRound(),
        header.getShard(),
        header.getManifest(),
        header.getDigest(),
        () -> Digests.of(header, read.values()));
  }

  private static Said weights(byte[] record) throws MalformedRecordException {
    final ValuesRecord<WeightShard> read = ValuesRecord.read(record, WeightShard.parser());
    final WeightShard header = read.header();
    return new Said(
        header.getVersion(),
        header.getShard(),
        header.getManifest(),
        header.getDigest(),
        () -> Digests.of(header, read.values()));
  }

  /** Weights are compacted, and transactions leave markers; else every offset has its record. */
  private void gap(TopicPartition partition, long first, long next) {
    if (kind == Finding.Kind.WEIGHTS) {
      compacted = true;
    } else if (first == 0
        || log.run().spec().transport().processing() != Transport.Processing.EXACTLY_ONCE_V2) {
      findings.add(FindingListener.gap(wanted, partition, first, next));
    }
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
    while (found.size() < shards.size()) {
      final LogRecord record = records.peek();
      if (record == null) {
        break;
      }
      final Said said = read(record);
      if (said != null && said.number() > number) {
        break;
      }
      records.skip();
      if (said == null) {
        continue;
      }
      if (said.number() == number && !found.containsKey(said.shard())) {
        checkOrder(record, said, found);
        found.put(said.shard(), record);
        digests.put(said.shard(), said.digest());
      } else {
        checkAgain(record, said, digests);
      }
    }
    if (found.size() == shards.size()) {
      compacted = false;
    }
    before = digests;
    numberBefore = number;
    return found;
  }

  /** Whether records may be missing because newer ones of their keys came. */
  public boolean compacted() {
    return compacted;
  }

  /** Whether nothing comes any more. */
  public boolean ended() {
    return records.peek() == null;
  }

  /** What a record says; null for one that the server refused as well. */
  private @Nullable Said read(LogRecord record) {
    try {
      final Said said = reader.read(record.bytes());
      final boolean fits =
          said.manifest() == log.run().manifest().hash()
              && shards.stream().anyMatch(shard -> shard.index() == said.shard());
      return fits ? said : null;
    } catch (MalformedRecordException e) {
      return null;
    }
  }

  /** The arbitrator publishes a round's updates in the order of shards. */
  private void checkOrder(LogRecord record, Said said, SortedMap<Integer, LogRecord> found) {
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
  private void checkAgain(LogRecord record, Said said, Map<Integer, ByteString> now) {
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
