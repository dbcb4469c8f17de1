package io.gradstream.cli;

import io.gradstream.chaos.Campaign;
import io.gradstream.chaos.CampaignReport;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream chaos}. */
@Command(
    name = "chaos",
    description = {
      "Trains a run under faults and compares its weights with an undisturbed run's.",
      "The run's processes are killed, paused and joined, and bad records are sent. "
          + "The command ends with 0 only if all weights have the same bits."
    },
    mixinStandardHelpOptions = true)
final class ChaosCommand implements Callable<Integer> {
  private static final int DIFFERENT = 1;

  @Mixin private SpecOptions options;

  @SuppressWarnings("UnusedVariable") // picocli acts on it
  @Mixin
  private ArithmeticOptions arithmetic;

  @Option(
      names = "--minutes",
      paramLabel = "M",
      description = "How long faults go on; default: ${DEFAULT-VALUE}.",
      defaultValue = "5")
  private double minutes;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "Which faults come in which order; default: ${DEFAULT-VALUE}.",
      defaultValue = "1")
  private long seed;

  @Option(
      names = "--faults",
      paramLabel = "KIND",
      split = ",",
      description = {
        "Only these kinds of faults, separated by commas, such as kill or clock-step;",
        "default: all that can be done here."
      })
  private List<String> faults = List.of();

  @Option(
      names = "--brokers",
      paramLabel = "B",
      description = {
        "1, or 3 that replicate every record, so that one of them can be away;",
        "default: ${DEFAULT-VALUE}."
      },
      defaultValue = "1")
  private int brokers;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where data and logs go; default: a directory that is deleted afterwards.")
  private @Nullable Path dataDirectory;

  @Option(names = "--json", description = "Print nothing but the result, as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if (!(minutes > 0 && minutes <= 100_000)) {
      throw new UserError("--minutes: " + minutes + " is not possible; more than 0");
    }
    if (brokers != 1 && brokers != 3) {
      throw new UserError("--brokers: " + brokers + " is not possible; 1 or 3");
    }
    final var checked = options.check();
    final Path directory =
        dataDirectory != null ? dataDirectory : Files.createTempDirectory("gradstream-chaos-");
    final var command = spec.commandLine();
    final var progress = new ProgressDisplay(json ? command.getErr() : command.getOut());
    Logging.toFile(directory.resolve("chaos.log"));
    final CampaignReport report;
    try (var stop = new StopSignal();
        var campaign =
            new Campaign(
                checked, directory, brokers, faults, seed, stop::isRaised, progress::print)) {
      report = campaign.run(Duration.ofMillis((long) (minutes * 60_000)));
    }
    progress.print(report.table());
    command.getOut().println(report.json());
    command.getOut().flush();
    return report.agrees() ? 0 : DIFFERENT;
  }
}
