package io.gradstream.weights;

import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.LogReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;

/**
 * Finds the newest version of a run's weights of which every shard is there.
 *
 * <p>It reads each partition of the weights topic from its end backwards, in windows that double
 * until they hold a complete version, so that a long history costs nothing. While a version is
 * being published, the one before it is found.
 */
public final class WeightsReader {
  private final Run run;
  private final Manifest manifest;

  public WeightsReader(Run run) {
    this.run = run;
    this.manifest = run.manifest();
  }

  /** The newest complete version; empty if none was published. */
  public Optional<Weights> latest() {
    try (var log = new LogReader(run.connection(), run.spec().run() + ".reader")) {
      for (int back = 3; ; back *= 2) {
        final var window = new Window();
        boolean atBeginning = true;
        for (int partition = 0; partition < manifest.partitions(); partition++) {
          atBeginning &= read(log, partition, back, window);
        }
        final Optional<Weights> found = window.newestComplete();
        if (found.isPresent() || atBeginning) {
          return found;
        }
      }
    } catch (MalformedRecordException e) {
      throw new IllegalStateException(run.topics().weights() + " holds " + e.getMessage(), e);
    }
  }

  /**
   * The newest complete version.
   *
   * @throws UserError if none was published
   */
  public Weights newest() {
    final String name = run.spec().run();
    return latest()
        .orElseThrow(
            () ->
                new UserError(
                    "run " + name + " has no weights yet; start: gradstream server --run " + name));
  }

  /** Reads the last {@code versions} versions of a partition; true if there is nothing before. */
  private boolean read(LogReader log, int number, int versions, Window window)
      throws MalformedRecordException {
    final var partition = new TopicPartition(run.topics().weights(), number);
    final long end = log.end(partition);
    final long from = Math.max(0, end - (long) versions * manifest.shardsOf(number).size());
    final var records = new ArrayList<byte[]>();
    log.read(partition, from, end, record -> records.add(record.value()));
    for (final byte[] record : records) {
      window.add(record);
    }
    return from == 0;
  }

  /** The newest records of each shard, by version. */
  private final class Window {
    /** How many versions of a shard are held: the one that is being published, and one before. */
    private static final int HELD = 3;

    private final List<TreeMap<Long, WeightRecord>> shards = new ArrayList<>();

    Window() {
      manifest.shards().forEach(shard -> shards.add(new TreeMap<>()));
    }

    void add(byte[] bytes) throws MalformedRecordException {
      final WeightRecord record = WeightRecord.read(bytes, manifest);
      final var versions = shards.get(record.shard().index());
      versions.put(record.version(), record);
      if (versions.size() > HELD) {
        versions.pollFirstEntry();
      }
    }

    Optional<Weights> newestComplete() {
      for (final long version : shards.getFirst().descendingKeySet()) {
        final List<WeightRecord> records =
            shards.stream()
                .map(versions -> versions.get(version))
                .filter(Objects::nonNull)
                .toList();
        if (records.size() == shards.size()) {
          return Optional.of(assemble(version, records));
        }
      }
      return Optional.empty();
    }

    private Weights assemble(long version, List<WeightRecord> records) {
      final MemorySegment values =
          Arena.ofAuto().allocate(manifest.size() * Float.BYTES, Float.BYTES);
      records.forEach(record -> record.copyTo(values, Kernels.best()));
      return new Weights(version, values);
    }
  }
}
