package io.gradstream.audit.restore;

import io.gradstream.audit.state.PartitionState;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.server.weights.PartitionWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A past version of a run's weights, from its initial weights and the recorded updates.
 *
 * <p>The parameter server's own {@link PartitionWeights} takes the steps, so the bits are those
 * that it published. The optimizer's moments are not on the log, so the steps begin where the run
 * began; gradients are not read. One partition at a time, one thread; memory is that of the model
 * and its moments.
 *
 * @param version number of optimizer steps behind it
 * @param records what the server published of it, shard by shard
 */
public record PastWeights(RunDescription run, long version, List<byte[]> records) {
  private static final Logger LOG = LoggerFactory.getLogger(PastWeights.class);

  /** How far the weights topic agrees. */
  public enum Agreement {
    /** It has every shard of the version, with the same bits. */
    SAME,
    /** It has some shard of the version with other bits. */
    DIFFERENT,
    /** It was compacted: not every shard of the version is there any more. */
    GONE
  }

  /**
   * Restores a version.
   *
   * @throws UserError if the log does not reach to that version, or not back to the beginning
   */
  public static PastWeights restore(RunLog log, long version) {
    final RunDescription run = log.run();
    final long first = run.firstRound();
    if (version < first || version > run.spec().rounds()) {
      throw new UserError(
          "--version: must be %d to %d, found %d".formatted(first, run.spec().rounds(), version));
    }
    final Manifest manifest = run.manifest();
    final byte[][] records = new byte[manifest.shards().size()][];
    final List<PartitionState> begun = PartitionState.begun(log);
    for (int partition = 0; partition < manifest.partitions(); partition++) {
      final PartitionState state = begun.get(partition);
      final var weights =
          new PartitionWeights(run.spec(), manifest, partition, Kernels.best(), state.moments());
      state.restore(weights);
      steps(log, new TopicPartition(run.topics().updates(), partition), weights, version);
      weights.shards().forEach(shard -> records[shard.index()] = weights.record(shard));
    }
    return new PastWeights(run, version, List.of(records));
  }

  private static void steps(
      RunLog log, TopicPartition updates, PartitionWeights weights, long version) {
    if (log.start(updates) > 0) {
      throw new UserError(
          "%s begins at offset %d: what came before is gone, and with it the way to any version"
              .formatted(updates, log.start(updates)));
    }
    final var steps = new RecordedSteps(weights, version);
    try (LogCursor cursor = log.read(updates, 0)) {
      while (!steps.reached()) {
        final LogRecord record = cursor.next();
        if (record == null) {
          throw new UserError(
              "--version: %s reaches version %d only, not %d"
                  .formatted(updates, steps.oldest(), version));
        }
        take(steps, record);
      }
    }
  }

  private static void take(RecordedSteps steps, LogRecord record) {
    try {
      steps.take(record.bytes());
    } catch (MalformedRecordException e) {
      // The server refused it, so it took no step either.
      LOG.warn("skipped {} at offset {}: {}", record.source(), record.offset(), e.getMessage());
    }
  }

  /** The flat vector, little-endian float32. */
  public MemorySegment values() {
    final MemorySegment flat =
        Arena.ofAuto().allocate(run.manifest().size() * Float.BYTES, Float.BYTES);
    try {
      for (final byte[] record : records) {
        WeightRecord.read(record, run.manifest()).copyTo(flat, Kernels.best());
      }
    } catch (MalformedRecordException e) {
      throw new IllegalStateException("a record of our own", e);
    }
    return flat;
  }

  /** Compares with what the weights topic still has of the version. */
  public Agreement agreement(RunLog log) {
    final var found = new BitSet();
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      final var weights = new TopicPartition(run.topics().weights(), partition);
      try (LogCursor cursor = log.read(weights, log.start(weights))) {
        int left = run.manifest().shardsOf(partition).size();
        for (LogRecord next = cursor.next(); next != null && left > 0; next = cursor.next()) {
          final WeightRecord recorded = ofThisVersion(next);
          if (recorded == null || found.get(recorded.shard().index())) {
            continue;
          }
          if (!Arrays.equals(next.value(), records.get(recorded.shard().index()))) {
            return Agreement.DIFFERENT;
          }
          found.set(recorded.shard().index());
          left--;
        }
      }
    }
    return found.cardinality() == records.size() ? Agreement.SAME : Agreement.GONE;
  }

  private @Nullable WeightRecord ofThisVersion(LogRecord record) {
    final byte[] value = record.value();
    if (value == null) {
      return null;
    }
    try {
      final WeightRecord recorded = WeightRecord.read(value, run.manifest());
      return recorded.version() == version ? recorded : null;
    } catch (MalformedRecordException e) {
      return null; // no reader took it for weights
    }
  }
}
