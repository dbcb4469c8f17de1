package io.gradstream.benchmarks;

import io.gradstream.proto.UserError;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream bench kernels}. */
@Command(
    name = "kernels",
    description = {
      "Measures the kernels on vectors larger than the caches.",
      "One thread runs them, and for comparison copies and reads memory."
    },
    mixinStandardHelpOptions = true)
final class KernelsCommand implements Callable<Integer> {
  @Option(
      names = "--size",
      paramLabel = "D",
      defaultValue = "16777216",
      description = "Values of a vector; default: ${DEFAULT-VALUE}.")
  private int size;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "21",
      description = "Turns, of which the median counts; default: ${DEFAULT-VALUE}.")
  private int repeat;

  @Option(names = "--json", description = "Print nothing but the result, as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (size < 1 || size > 100_000_000 || repeat < 1) {
      throw new UserError("--size: 1 to 100000000, and --repeat: at least 1");
    }
    final var findings = new BenchResults(spec.commandLine(), json);
    new KernelsBench(size).run(repeat, findings);
    findings.close();
    return 0;
  }
}
