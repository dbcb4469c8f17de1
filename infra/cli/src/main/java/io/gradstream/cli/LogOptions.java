package io.gradstream.cli;

import io.gradstream.audit.archive.ArchiveRunLog;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.KafkaRunLog;
import io.gradstream.proto.log.RunLog;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which run's log a command reads, and where it lies: on a cluster or in an archive. */
final class LogOptions {
  @Mixin private RunOptions run;

  @Option(
      names = "--archive",
      paramLabel = "DIR",
      description = "An archive of the run, instead of a broker.")
  private @Nullable Path archive;

  /** A log that was found; closing it ends what was started to reach it. */
  record Opened(RunLog log, RunOptions.@Nullable Found found) implements AutoCloseable {
    @Override
    public void close() {
      log.close();
      if (found != null) {
        found.close();
      }
    }
  }

  /**
   * Opens the log, if need be by starting the broker that {@code train} left.
   *
   * @throws UserError if there is no such run, or the archive is another's or damaged
   */
  Opened open() {
    if (archive != null) {
      return new Opened(openArchive(archive, run.name()), null);
    }
    final RunOptions.Found found = run.open();
    try {
      return new Opened(new KafkaRunLog(found.run()), found);
    } catch (RuntimeException e) {
      found.close();
      throw e;
    }
  }

  /**
   * Opens an archive.
   *
   * @throws UserError if it is damaged, or another run's
   */
  static RunLog openArchive(Path archive, String run) {
    final RunLog log = ArchiveRunLog.open(archive);
    final String archived = log.run().spec().run();
    if (!archived.equals(run)) {
      throw new UserError("archive " + archive + " holds run " + archived + ", not " + run);
    }
    return log;
  }
}
