package io.gradstream.submission.weights;

import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightAssembler;
import io.gradstream.proto.run.NewestVersion;
import io.gradstream.proto.run.Run;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the newest version of a run's weights of which every shard is there.
 *
 * <p>It reads each partition of the weights topic from its end backwards, in windows that double
 * until they hold a complete version, so that a long history costs nothing. While a version is
 * being published, the one before it is found.
 */
public final class WeightsReader {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsReader.class);

  /** Versions that may be incomplete: the one that is being published, and those before. */
  private static final int ARRIVING = 3;

  private final Run run;
  private final Manifest manifest;

  public WeightsReader(Run run) {
    this.run = run;
    this.manifest = run.manifest();
  }

  /** The newest complete version; empty if none was published. */
  public Optional<Weights> latest() {
    try (var log = new LogReader(run.connection(), run.spec().run() + ".reader")) {
      final var newest = new NewestVersion(run, log);
      for (int back = 3; ; back *= 2) {
        final var window =
            new WeightAssembler(run.description(), Kernels.best(), ARRIVING, newest::allows);
        boolean atBeginning = true;
        for (int partition = 0; partition < manifest.partitions(); partition++) {
          atBeginning &= read(log, partition, back, window);
        }
        if (window.version() != WeightAssembler.NONE) {
          return Optional.of(new Weights(window.version(), window.values()));
        }
        if (atBeginning) {
          return Optional.empty();
        }
      }
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
  private boolean read(LogReader log, int number, int versions, WeightAssembler window) {
    final var partition = new TopicPartition(run.topics().weights(), number);
    final long end = log.end(partition);
    final long from = Math.max(0, end - (long) versions * (manifest.shardsOf(number).size() + 1));
    log.read(
        partition,
        from,
        end,
        record -> {
          try {
            window.add(record.key(), record.value());
          } catch (MalformedRecordException e) {
            LOG.warn(
                "the reader of the weights skips {} at offset {}: {}",
                partition,
                record.offset(),
                e.getMessage());
          }
        });
    return from == 0;
  }
}
