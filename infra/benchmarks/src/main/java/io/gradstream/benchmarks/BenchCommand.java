package io.gradstream.benchmarks;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code gradstream bench}. */
@Command(
    name = "bench",
    description = "Measures this machine: figures, the limits beside them, and their ratios.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      KernelsCommand.class,
      ProcessCommand.class,
      ArbitrateCommand.class,
      IngestCommand.class,
      RoundCommand.class,
      ScaleCommand.class,
      SizeCommand.class,
      TaxCommand.class
    })
public final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a benchmark is missing");
  }
}
