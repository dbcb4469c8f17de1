package io.gradstream.producer.worker;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogFollower;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightAssembler;
import io.gradstream.proto.run.NewestVersion;
import io.gradstream.proto.run.Run;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest weights, one copy for all workers of a process.
 *
 * <p>One thread follows the weights topic; workers wait for a version and copy it into their
 * models. A newcomer does not read the topic from its beginning: the last records of a partition
 * are its newest version, since each version brings all its shards in turn, so reading begins a few
 * versions before the end.
 *
 * <p>What is whole is taken for the newest version without a look at the verdicts: that would cost
 * each round a hop. A worker whose order is older than the weights asks {@link #dropIfForged}.
 */
public final class WeightsReplica implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsReplica.class);
  private static final Duration POLL = Duration.ofMillis(500);

  /** Versions to go back at a start: an incomplete newest one, the one before, repetitions. */
  private static final int VERSIONS_BACK = 4;

  /** How many versions are assembled at a time: the next one, and one that may be forged. */
  private static final int ARRIVING = 2;

  /** How often a version is read again, each time from twice as far back: a seal may be forged. */
  private static final int MOST_REREADS = 6;

  private final Run run;
  private final LogFollower records;
  private final LogReader log;
  private final NewestVersion newest;
  private final WeightAssembler weights;
  private final Lock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<TopicPartition> partitions;
  private final AtomicLong catchUpsAsked = new AtomicLong();
  private final Thread thread;
  private Map<TopicPartition, Long> catchUpEnds = Map.of();
  private Map<TopicPartition, Long> firstEnds = Map.of();
  private boolean isAtBeginning;
  private long versionsBack = VERSIONS_BACK;
  private long rereadVersion = WeightAssembler.NONE;
  private int rereads;
  private long catchUpsBegun;
  private long catchUpsDone;
  private volatile boolean closed;

  /** Whether versions are held against the verdicts before they are taken: once one was forged. */
  private volatile boolean careful;

  /** Whether the whole version was dropped, and the topic has to be read again. */
  private volatile boolean dropped;

  public WeightsReplica(Run run, Kernels kernels) {
    this.run = run;
    this.log = new LogReader(run.connection(), run.topics().workerGroup() + ".verdicts");
    this.newest = new NewestVersion(run, log);
    this.weights =
        new WeightAssembler(
            run.description(), kernels, ARRIVING, version -> !careful || newest.allows(version));
    this.partitions =
        IntStream.range(0, run.manifest().partitions())
            .mapToObj(partition -> new TopicPartition(run.topics().weights(), partition))
            .toList();
    this.records = new LogFollower(run.connection());
    this.thread = Thread.ofPlatform().name("weights").daemon().start(this::follow);
  }

  private void follow() {
    try (records;
        log) {
      while (!closed) {
        poll();
      }
    } catch (RuntimeException e) {
      LOG.error("the workers can no longer follow the weights", e);
    } finally {
      closed = true;
      lock.lock();
      try {
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  private void poll() {
    try {
      if (dropped) {
        versionsBack = VERSIONS_BACK;
        seekNearEnd();
        dropped = false;
      } else if (firstEnds.isEmpty() || mustReadAgain()) {
        seekNearEnd();
      }
      records.poll(POLL).forEach(this::add);
      answerCatchUps();
    } catch (WakeupException e) {
      LOG.debug("the workers' replica of the weights was interrupted while polling");
    }
  }

  /**
   * Notes the end of the topic for callers of {@link #catchUp}, and wakes them once it was read up
   * to there.
   */
  private void answerCatchUps() {
    final long asked = catchUpsAsked.get();
    if (asked > catchUpsBegun) {
      catchUpEnds = records.ends(partitions);
      catchUpsBegun = asked;
    }
    if (records.isPast(catchUpEnds) && catchUpsDone < catchUpsBegun) {
      lock.lock();
      try {
        catchUpsDone = catchUpsBegun;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Seeks to the last versions of each partition, and each further time goes back twice as far. */
  private void seekNearEnd() {
    final Map<TopicPartition, Long> ends = records.ends(partitions);
    final var begin = new HashMap<TopicPartition, Long>();
    isAtBeginning = true;
    for (final TopicPartition partition : partitions) {
      final int ofVersion = run.manifest().shardsOf(partition.partition()).size() + 1;
      final long from = Math.max(0, ends.getOrDefault(partition, 0L) - versionsBack * ofVersion);
      begin.put(partition, from);
      isAtBeginning &= from == 0;
    }
    records.follow(begin);
    firstEnds = ends;
    versionsBack *= 2;
  }

  /**
   * Whether all was read that was there at the last seek, and reading from further back can find a
   * version: there is none yet, or records that somebody sent took the place of its shards.
   */
  private boolean mustReadAgain() {
    final long torn = tornVersion();
    if (torn == WeightAssembler.NONE && version() != WeightAssembler.NONE) {
      return false;
    }
    if (!records.isPast(firstEnds)) {
      return false;
    }
    if (torn != rereadVersion) {
      rereadVersion = torn;
      rereads = 0;
    }
    if (torn != WeightAssembler.NONE && rereads < MOST_REREADS) {
      versionsBack = (long) VERSIONS_BACK << rereads;
      rereads++;
      return true;
    }
    return version() == WeightAssembler.NONE && !isAtBeginning;
  }

  private long tornVersion() {
    lock.lock();
    try {
      return weights.tornVersion();
    } finally {
      lock.unlock();
    }
  }

  private void add(LogRecord record) {
    lock.lock();
    try {
      if (weights.add(record.key(), record.value())) {
        changed.signalAll();
      }
    } catch (MalformedRecordException e) {
      LOG.warn(
          "the workers skip {} at offset {}: {}", record.source(), record.offset(), e.getMessage());
    } finally {
      lock.unlock();
    }
  }

  /** The last whole version. */
  public long version() {
    lock.lock();
    try {
      return weights.version();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until everything has been read that was on the topic at the time of the call.
   *
   * @return whether it has; not when time ran out or the replica closed
   */
  public boolean catchUp(Duration patience) throws InterruptedException {
    final long asked = catchUpsAsked.incrementAndGet();
    records.wakeup();
    lock.lockInterruptibly();
    try {
      long nanos = patience.toNanos();
      while (catchUpsDone < asked && nanos > 0 && !closed) {
        nanos = changed.awaitNanos(nanos);
      }
      return catchUpsDone >= asked;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for a version and copies it.
   *
   * @param target the flat vector to fill, little-endian float32
   * @return the version that is there after the wait: the target was filled only if it is the one
   *     asked for; it is lower when time ran out or the replica closed, higher when the version is
   *     over
   */
  public long copy(long version, MemorySegment target, Duration patience)
      throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long nanos = patience.toNanos();
      while (weights.version() < version && nanos > 0 && !closed) {
        nanos = changed.awaitNanos(nanos);
      }
      if (weights.version() == version) {
        target.copyFrom(weights.values());
      }
      return weights.version();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Drops a whole version if no verdict leads to it yet: somebody made it up. From then on versions
   * are taken only when their verdicts are on the log.
   *
   * @return whether it was dropped, so that the versions before it may arrive
   */
  public boolean dropIfForged(long version) {
    if (newest.allows(version)) {
      return false;
    }
    LOG.warn(
        "the workers drop weights version {}: no verdict leads to it, so somebody made it up",
        version);
    lock.lock();
    try {
      careful = true;
      if (weights.version() == version) {
        weights.forget();
        dropped = true;
      }
    } finally {
      lock.unlock();
    }
    return true;
  }

  /** Whether the replica still follows the topic. */
  public boolean open() {
    return !closed;
  }

  @Override
  public void close() {
    closed = true;
    records.wakeup();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
