package io.gradstream.cli;

import io.gradstream.arbitrator.topology.Arbitrator;
import io.gradstream.audit.replay.AlternativeDecision;
import io.gradstream.audit.replay.Comparison;
import io.gradstream.audit.replay.Replay;
import io.gradstream.audit.replay.ReplayPlot;
import io.gradstream.audit.replay.ReplaySummary;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.Section;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream replay}. */
@Command(
    name = "replay",
    description = {
      "Tells what another resolver, or other options, would have decided in a run.",
      "Every round is decided once more on the recorded gradients, at the recorded " + "weights."
    },
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The run's own resolver keeps its options, another one begins with its defaults.",
      "Such as: gradstream replay --run digits-mae --resolver cagrad --set resolver.c=0.4"
    })
final class ReplayCommand implements Callable<Integer> {
  @Mixin private LogOptions options;

  @Option(
      names = "--resolver",
      required = true,
      paramLabel = "METHOD",
      description = "The method to decide by.")
  private String resolver;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Changes a value of the run's spec; may be repeated.")
  private List<String> assignments = List.of();

  @Option(names = "--csv", paramLabel = "FILE", description = "Where to write all rounds.")
  private @Nullable Path csv;

  @Option(names = "--plot", paramLabel = "FILE", description = "Where to write a picture (SVG).")
  private @Nullable Path plot;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final var display = new ProgressDisplay(spec.commandLine().getOut());
    try (var opened = options.open()) {
      final RunDescription run = opened.log().run();
      final RunDescription alternative = AlternativeDecision.of(run, resolver, assignments);
      Arbitrator.check(alternative.spec());
      final ReplaySummary summary = replay(opened.log(), alternative, display);
      final String title =
          "%s: %s as recorded, %s instead"
              .formatted(
                  run.spec().run(),
                  text(run.spec().resolver()),
                  text(alternative.spec().resolver()));
      display.print(title);
      summary.lines().forEach(line -> display.print(Printable.of(line)));
      write("--csv", csv, summary.csv());
      write("--plot", plot, ReplayPlot.of(title, summary));
    }
    return 0;
  }

  /** A method with its options, if it was given any. */
  private static String text(Section method) {
    return method.toString().replace(" {}", "");
  }

  private static ReplaySummary replay(
      RunLog log, RunDescription alternative, ProgressDisplay display) {
    final var rounds = new ArrayList<Comparison>();
    try (var replay = new Replay(log, alternative)) {
      for (Optional<Comparison> next = replay.next(); next.isPresent(); next = replay.next()) {
        rounds.add(next.get());
        display.progress(
            "round %d of %d".formatted(next.get().round() + 1, log.run().spec().rounds()));
      }
    }
    return new ReplaySummary(rounds);
  }

  private static void write(String option, @Nullable Path file, String text) {
    if (file == null) {
      return;
    }
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UserError(option + ": cannot write " + file + ": " + FileFault.of(e), e);
    }
  }
}
