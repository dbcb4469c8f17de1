package io.gradstream.cli;

import io.gradstream.cli.progress.RunSize;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Whether the disk of a broker in this process holds what a run writes. A broker that meets a full
 * disk ends its process at once, so the space is checked before a training and during it. One
 * thread.
 */
final class DiskSpace {
  /** Bytes for metadata, changelogs and other programs that write to the disk. */
  private static final long RESERVE = 256L << 20;

  private static final Duration CHECK_INTERVAL = Duration.ofSeconds(2);

  private final Run run;
  private final Path kafka;
  private final LongSupplier usable;
  private final Duration interval;
  private long checkedNanos;

  DiskSpace(Run run, RunDirectory directory) {
    this(run, directory.kafka(), () -> usableSpace(directory.kafka()), CHECK_INTERVAL);
  }

  /**
   * @param usable tells how many bytes are free
   * @param interval at which it is asked
   */
  DiskSpace(Run run, Path kafka, LongSupplier usable, Duration interval) {
    this.run = run;
    this.kafka = kafka;
    this.usable = usable;
    this.interval = interval;
    this.checkedNanos = System.nanoTime() - interval.toNanos();
  }

  /**
   * Bytes that a round leaves on the log for ever: each slot's gradient and the update, one value
   * for each parameter. Weights are compacted, and the rest is small.
   */
  static long bytesOfRound(RunDescription run) {
    final long values = run.spec().transport().valueType() == ValueType.BFLOAT16 ? 2 : Float.BYTES;
    final long vectors = run.slots().ofAll() + 1L;
    return vectors * run.manifest().size() * values;
  }

  /**
   * Requires, before a training, that its rounds fit.
   *
   * @param rounds that are still to come
   * @throws UserError if they do not, and nothing is deleted meanwhile
   */
  void requireRoomFor(long rounds) {
    if (run.spec().transport().retentionHours() != null || !Files.isDirectory(kafka)) {
      return;
    }
    final long free = usable.getAsLong();
    final double needed = (double) bytesOfRound(run.description()) * rounds;
    if (needed > free) {
      throw new UserError(
          "run %s writes about %s a round, %s in its %d rounds, and %s are free in %s; give another --data-dir, fewer rounds, transport.value-type: bfloat16 or transport.retention-hours"
              .formatted(
                  run.spec().run(),
                  RunSize.text(bytesOfRound(run.description())),
                  RunSize.text((long) Math.min(needed, Long.MAX_VALUE)),
                  rounds,
                  RunSize.text(free),
                  kafka));
    }
  }

  /**
   * Requires that the next rounds fit; looks every two seconds at most.
   *
   * @throws UserError if they do not
   */
  void check() {
    if (System.nanoTime() - checkedNanos < interval.toNanos() || !Files.isDirectory(kafka)) {
      return;
    }
    checkedNanos = System.nanoTime();
    final long free = usable.getAsLong();
    if (free < RESERVE + 4 * bytesOfRound(run.description())) {
      throw new UserError(
          "the disk is full but for %s (%s), so run %s was ended before Kafka fails; make room and give the same command again, and it goes on"
              .formatted(RunSize.text(free), kafka, run.spec().run()));
    }
  }

  private static long usableSpace(Path kafka) {
    try {
      return Files.getFileStore(kafka).getUsableSpace();
    } catch (IOException e) {
      return Long.MAX_VALUE; // the file system does not tell
    }
  }
}
