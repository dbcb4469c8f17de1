package io.gradstream.audit.restore;

import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.rounds.LogCut;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightAssembler;
import io.gradstream.proto.record.WeightRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.run.RunPlugins;
import io.gradstream.server.weights.PartitionWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A past version of a run's weights, from its initial weights and the recorded updates.
 *
 * <p>The parameter server's own {@link PartitionWeights} takes the steps, so the bits are those
 * that it has and published. Only updates count that follow from a verdict, digest by digest. The
 * optimizer's moments are not on the log, so the steps begin where the run began; gradients are not
 * read. One partition at a time, one thread; memory is that of the model and its moments.
 *
 * @param version number of optimizer steps behind it
 * @param values the flat vector as the server has it, little-endian float32
 * @param records what the server published of it, shard by shard, in the type that travels
 */
public record PastWeights(
    RunDescription run, long version, MemorySegment values, List<byte[]> records) {
  private static final Logger LOG = LoggerFactory.getLogger(PastWeights.class);

  /** How far the weights topic agrees. */
  public enum Agreement {
    /** It has the whole version, with the same bits. */
    SAME,
    /** It has the whole version, with other bits. */
    DIFFERENT,
    /** It has not the whole version, since it was compacted. */
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
    final LogCut cut = LogCut.of(log);
    final PastWeights past = upTo(cut, cut.verdicts(), version);
    if (past.version() < version) {
      throw new UserError(
          "--version: run %s reaches version %d only, not %d"
              .formatted(run.spec().run(), past.version(), version));
    }
    return past;
  }

  /**
   * Restores the newest version that the run's verdicts led to and whose updates are all there.
   *
   * @throws UserError if the log does not reach back to the beginning
   */
  public static PastWeights newest(RunLog log) {
    final LogCut cut = LogCut.of(log);
    return upTo(cut, cut.verdicts(), cut.verdicts().lastRound() + 1);
  }

  /** A version, or the newest one before it that the updates reach on all partitions. */
  private static PastWeights upTo(LogCut log, VerdictChain verdicts, long version) {
    final RunDescription run = log.run();
    RunPlugins.require(run, RunPlugins.SERVER);
    final Manifest manifest = run.manifest();
    final byte[][] records = new byte[manifest.shards().size()][];
    final MemorySegment flat = Arena.ofAuto().allocate(manifest.size() * Float.BYTES, Float.BYTES);
    final List<PartitionState> begun = PartitionState.begun(log);
    for (int partition = 0; partition < manifest.partitions(); partition++) {
      final PartitionState state = begun.get(partition);
      final var weights =
          new PartitionWeights(run.spec(), manifest, partition, Kernels.best(), state.moments());
      state.restore(weights);
      final var updates = new TopicPartition(run.topics().updates(), partition);
      final long reached = steps(log, updates, new RecordedSteps(run, verdicts, weights, version));
      if (reached < run.firstRound()) {
        throw new UserError(
            "run %s has no weights: %s does not hold those to start from"
                .formatted(run.spec().run(), updates));
      }
      if (reached < version) {
        return upTo(log, verdicts, reached);
      }
      for (final Shard shard : weights.shards()) {
        records[shard.index()] = weights.record(shard);
        flat.asSlice(shard.offset() * Float.BYTES, (long) shard.length() * Float.BYTES)
            .copyFrom(weights.values(shard));
      }
    }
    return new PastWeights(run, version, flat, List.of(records));
  }

  /** Takes a partition's steps, and tells the version that they reach. */
  private static long steps(RunLog log, TopicPartition updates, RecordedSteps steps) {
    if (log.start(updates) > 0) {
      throw new UserError(
          "%s begins at offset %d: what came before is gone, and with it the way to any version"
              .formatted(updates, log.start(updates)));
    }
    try (LogCursor cursor = log.read(updates, 0)) {
      while (!steps.reached()) {
        final LogRecord record = cursor.next();
        if (record == null) {
          break;
        }
        take(steps, record);
      }
    }
    return steps.oldest();
  }

  private static void take(RecordedSteps steps, LogRecord record) {
    try {
      steps.take(record.value());
    } catch (MalformedRecordException e) {
      // Nobody may take a step by it, and if the server did, its weights are other ones.
      LOG.warn("skipped {} at offset {}: {}", record.source(), record.offset(), e.getMessage());
    }
  }

  /** The flat vector as workers have it: values as they travelled, in float32. */
  public MemorySegment published() {
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

  /**
   * Compares with what the weights topic still has of the version, as readers take it: sealed, and
   * signed where the run lists its parameter servers' keys.
   */
  public Agreement agreement(RunLog log) {
    final var published =
        new WeightAssembler(run, Kernels.best(), 1, candidate -> candidate == version);
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      final var weights = new TopicPartition(run.topics().weights(), partition);
      try (LogCursor cursor = log.read(weights, log.start(weights))) {
        for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
          add(next, published);
        }
      }
    }
    if (published.version() != version) {
      return Agreement.GONE;
    }
    return published.values().mismatch(published()) == -1 ? Agreement.SAME : Agreement.DIFFERENT;
  }

  private static void add(LogRecord record, WeightAssembler published) {
    try {
      published.add(record.key(), record.value());
    } catch (MalformedRecordException e) {
      LOG.debug("no weights at {} offset {}", record.source(), record.offset(), e);
    }
  }
}
