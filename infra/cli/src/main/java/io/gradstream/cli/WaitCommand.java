package io.gradstream.cli;

import io.gradstream.cli.progress.ProgressLine;
import io.gradstream.cli.progress.RunReader;
import io.gradstream.cli.progress.RunSummary;
import io.gradstream.proto.run.Run;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code gradstream wait}. */
@Command(
    name = "wait",
    description = {
      "Waits until a run is finished, and shows its progress.",
      "A run is finished when its last weights are published and, where it is "
          + "validated, evaluated."
    },
    mixinStandardHelpOptions = true)
final class WaitCommand implements Callable<Integer> {
  private static final int INTERRUPTED = 130;
  private static final Duration POLL_INTERVAL = Duration.ofMillis(500);

  @Mixin private RunOptions options;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final var display = new ProgressDisplay(spec.commandLine().getOut());
    final Run run = options.find();
    final var end = new RunEnd(run);
    try (var stop = new StopSignal();
        var reader = new RunReader(run)) {
      final var line = new ProgressLine(run.spec().rounds());
      RunSummary summary = reader.catchUp();
      while (!end.isReached(summary)) {
        display.progress(line.at(summary, System.nanoTime()));
        if (stop.await(POLL_INTERVAL)) {
          display.clear();
          return INTERRUPTED;
        }
        summary = reader.poll();
      }
      display.print(
          "run %s is finished after round %d".formatted(run.spec().run(), summary.rounds()));
      return 0;
    }
  }
}
