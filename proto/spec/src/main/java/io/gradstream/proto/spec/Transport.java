package io.gradstream.proto.spec;

import io.gradstream.proto.kernels.ValueType;
import org.jspecify.annotations.Nullable;

/**
 * How a run uses Kafka.
 *
 * @param partitions partitions of the topics that carry shards
 * @param valueType how gradients, updates and weights travel
 * @param shardValues values of a full shard; one shard is one record
 * @param processing the processing guarantee of both Streams applications
 * @param commitIntervalMs milliseconds between two commits, at which state is written down; null
 *     for {@link #commitMs() the default of the guarantee}
 * @param heldMaxBytes bytes of early slots that an arbitrator holds in memory
 * @param replication replicas of each topic
 * @param standbyReplicas other instances that follow a partition's state, ready to take it over
 * @param retentionHours how long all but the spec and the newest weights is kept; null for ever
 */
public record Transport(
    @Param(
            value = "partitions of the topics that carry shards",
            defaultValue = "1",
            min = 1,
            max = 1024,
            inFork = Param.InFork.FIXED)
        int partitions,
    @Param(value = "how tensor values travel", defaultValue = "float32") ValueType valueType,
    @Param(
            value = "values of one shard; a shard is one record and fits a stock broker",
            defaultValue = "245760",
            min = 1,
            max = 245760,
            inFork = Param.InFork.FIXED)
        int shardValues,
    @Param(value = "processing guarantee of Kafka Streams", defaultValue = "at-least-once")
        Processing processing,
    @Param(
            value =
                "milliseconds between two commits, at which state is written down; absent: 5000, or"
                    + " 100 with exactly-once-v2, where records are seen from their commit on",
            min = 10,
            max = 60000)
        @Nullable Integer commitIntervalMs,
    @Param(
            value =
                "bytes of early slots held in memory; beyond, they are read again at their turn",
            defaultValue = "268435456",
            min = 0)
        long heldMaxBytes,
    @Param(value = "replicas of each topic", defaultValue = "1", min = 1, max = 32) int replication,
    @Param(
            value = "instances that keep a copy of a partition's state, ready to take it over",
            defaultValue = "0",
            min = 0,
            max = 31)
        int standbyReplicas,
    @Param(
            value =
                "hours that the run's records are kept, but for spec and weights; absent: for ever",
            min = 1,
            max = 1_000_000)
        @Nullable Integer retentionHours) {
  private static final int COMMIT_MS = 5000;
  private static final int TRANSACTION_MS = 100;

  /**
   * Milliseconds between two commits. The longer, the less state is written: every commit writes
   * each changed sum once, however many gradients it took. What a crash loses is read again, which
   * is many times faster than training was.
   */
  public int commitMs() {
    if (commitIntervalMs != null) {
      return commitIntervalMs;
    }
    return processing == Processing.EXACTLY_ONCE_V2 ? TRANSACTION_MS : COMMIT_MS;
  }

  /** Kafka Streams' processing guarantees. */
  public enum Processing {
    AT_LEAST_ONCE,
    EXACTLY_ONCE_V2
  }
}
