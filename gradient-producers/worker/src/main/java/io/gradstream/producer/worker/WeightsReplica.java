package io.gradstream.producer.worker;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightAssembler;
import io.gradstream.proto.record.WeightRecord;
import io.gradstream.proto.run.Run;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
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
 */
public final class WeightsReplica implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsReplica.class);
  private static final Duration POLL = Duration.ofMillis(500);

  /** Versions to go back at a start: an incomplete newest one, the one before, repetitions. */
  private static final int VERSIONS_BACK = 4;

  private final Run run;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final WeightAssembler weights;
  private final Lock lock = new ReentrantLock();
  private final Condition newVersion = lock.newCondition();
  private final Thread thread;
  private volatile boolean closed;

  public WeightsReplica(Run run, Kernels kernels) {
    this.run = run;
    this.weights = new WeightAssembler(run.manifest(), kernels, 1);
    this.consumer = new KafkaConsumer<>(run.connection().consumer());
    this.thread = Thread.ofPlatform().name("weights").daemon().start(this::follow);
  }

  private void follow() {
    try (consumer) {
      seekNearEnd();
      while (!closed) {
        for (final ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          add(record);
        }
      }
    } catch (WakeupException e) {
      LOG.debug("closed while polling");
    } catch (RuntimeException e) {
      LOG.error("weights can no longer be followed", e);
    } finally {
      closed = true;
      lock.lock();
      try {
        newVersion.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  private void seekNearEnd() {
    final List<TopicPartition> partitions =
        IntStream.range(0, run.manifest().partitions())
            .mapToObj(partition -> new TopicPartition(run.topics().weights(), partition))
            .toList();
    consumer.assign(partitions);
    final Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    for (final TopicPartition partition : partitions) {
      final int shards = run.manifest().shardsOf(partition.partition()).size();
      final long end = ends.getOrDefault(partition, 0L);
      consumer.seek(partition, Math.max(0, end - (long) VERSIONS_BACK * shards));
    }
  }

  private void add(ConsumerRecord<byte[], byte[]> record) {
    lock.lock();
    try {
      if (weights.add(WeightRecord.read(record.value(), run.manifest()))) {
        newVersion.signalAll();
      }
    } catch (MalformedRecordException e) {
      LOG.warn(
          "skipped {}-{} at offset {}: {}",
          record.topic(),
          record.partition(),
          record.offset(),
          e.getMessage());
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
        nanos = newVersion.awaitNanos(nanos);
      }
      if (weights.version() == version) {
        target.copyFrom(weights.values());
      }
      return weights.version();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the replica still follows the topic. */
  public boolean open() {
    return !closed;
  }

  @Override
  public void close() {
    closed = true;
    consumer.wakeup();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
