package io.gradstream.benchmarks;

import io.gradstream.proto.UserError;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream bench arbitrate}. */
@Command(
    name = "arbitrate",
    description = {
      "Measures GCond's inner products, decision and combination.",
      "For comparison the same decisions are made on whole vectors with PyTorch, one "
          + "thread each."
    },
    mixinStandardHelpOptions = true)
final class ArbitrateCommand implements Callable<Integer> {
  @Option(
      names = "--tasks",
      paramLabel = "N",
      defaultValue = "2",
      description = "Number of tasks; default: ${DEFAULT-VALUE}.")
  private int tasks;

  @Option(
      names = "--size",
      paramLabel = "D",
      defaultValue = "10000000",
      description = "Values of a gradient; default: ${DEFAULT-VALUE}.")
  private int size;

  @Option(
      names = "--iterations",
      paramLabel = "N",
      defaultValue = "0",
      description = {
        "Most projections; 3 in the paper's runs. Default: 0, twice the tasks, which is the default",
        "of GCond's public code and of a run spec."
      })
  private int iterations;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "5",
      description = "Turns, of which the median counts; default: ${DEFAULT-VALUE}.")
  private int repeat;

  @Option(names = "--json", description = "Print nothing but the result, as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (tasks < 2 || tasks > 1000 || size < 1 || size > 100_000_000) {
      throw new UserError("--tasks: 2 to 1000, and --size: 1 to 100000000");
    }
    if (iterations < 0 || repeat < 1) {
      throw new UserError("--iterations: at least 0, and --repeat: at least 1");
    }
    final var findings = new BenchResults(spec.commandLine(), json);
    try (var bench = new ArbitrateBench(tasks, size, iterations > 0 ? iterations : 2 * tasks)) {
      bench.run(repeat, findings);
    }
    findings.close();
    return 0;
  }
}
