package io.gradstream.cli;

import io.gradstream.audit.archive.ArchiveCheck;
import io.gradstream.audit.archive.ArchiveWriter;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.KafkaRunLog;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream archive}. */
@Command(
    name = "archive",
    description = {
      "Writes a run's topics into a directory, and Parquet tables for queries.",
      "audit, explain, export, lineage, replay and restore read an archive: --archive DIR.",
      "To fork a run its topics are needed."
    },
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Such as: duckdb -c \"select worker, count(*) from 'DIR/tables/contributions.parquet' group by"
          + " worker\""
    })
final class ArchiveCommand implements Callable<Integer> {
  @Mixin private RunOptions options;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The archive's directory; empty, or not there yet.")
  private Path directory;

  @Option(
      names = "--verify",
      description = "Read the archive in --out to its end instead, its tables as well.")
  private boolean verify;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final var out = spec.commandLine().getOut();
    final var display = new ProgressDisplay(out);
    if (verify) {
      return verify(display);
    }
    try (var found = options.open();
        var log = new KafkaRunLog(found.run())) {
      final ArchiveWriter.Written written =
          ArchiveWriter.write(
              log,
              directory,
              bytes -> display.progress("archived %,d MB".formatted(bytes / 1_000_000)));
      display.print(
          "%s: %,d records of run %s in %d segments, %.1f MB; %d tables"
              .formatted(
                  directory,
                  written.records(),
                  options.name(),
                  written.segments(),
                  written.bytes() / 1e6,
                  written.tables()));
    } catch (IOException e) {
      throw new UserError("--out: cannot write " + directory + ": " + FileFault.of(e), e);
    }
    return 0;
  }

  private int verify(ProgressDisplay display) {
    LogOptions.openArchive(directory, options.name()).close();
    try {
      final ArchiveCheck.Whole whole = ArchiveCheck.of(directory);
      display.print(
          "%s: whole, %,d records of run %s in %d segments; %d tables as the records give them"
              .formatted(
                  directory, whole.records(), options.name(), whole.segments(), whole.tables()));
      return 0;
    } catch (IOException e) {
      throw new UserError("--verify: cannot read " + directory + " (" + e + ")", e);
    }
  }
}
