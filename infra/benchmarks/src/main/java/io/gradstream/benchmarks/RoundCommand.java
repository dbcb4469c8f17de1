package io.gradstream.benchmarks;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream bench round}. */
@Command(
    name = "round",
    description = {
      "Measures how long a round of a tiny model takes, hop by hop.",
      "The run has two tasks with two micro-batches each, one worker and one broker, "
          + "all in this process."
    },
    mixinStandardHelpOptions = true)
final class RoundCommand implements Callable<Integer> {
  private static final String SPEC =
      """
      run: bench-round
      seed: 1
      rounds: %d
      tasks:
        - {name: red, loss: quadratic}
        - {name: green, loss: quadratic}
      accumulation: {mode: sequential, micro-batches: 2, batch-size: 1}
      model: {type: toy, dimension: 48, own-dimension: 4, tensors: 6, noise: 0.1}
      resolver: {method: gcond, thresholds: [-0.8, -0.5, 0.0]}
      optimizer: {type: adamw, learning-rate: 0.02, weight-decay: 0.0}
      """;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "2000",
      description = "Rounds to measure; default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      defaultValue = "2000",
      description = "Rounds before them, which are not counted; default: ${DEFAULT-VALUE}.")
  private int warmUp;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Changes a value of the run spec; may be repeated.")
  private List<String> assignments = new ArrayList<>();

  @Option(names = "--json", description = "Print nothing but the result, as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (rounds < 2 || warmUp < 1) {
      throw new UserError("--rounds: at least 2, and --warm-up: at least 1");
    }
    final var findings = new BenchResults(spec.commandLine(), json);
    final var runSpec =
        RunSpec.parse(SPEC.formatted(rounds + warmUp), "the benchmark's spec", assignments);
    try (var local = LocalRun.submit(runSpec)) {
      local.train();
      report(RoundTimes.read(local.run(), warmUp), findings);
    }
    findings.close();
    return 0;
  }

  private void report(RoundTimes times, BenchResults findings) {
    final Samples whole = times.rounds();
    findings.line(
        "round      p50 %.1f ms   p99 %.1f ms   mean %.2f ms   (%d rounds after %d)",
        whole.median(), whole.quantile(0.99), whole.mean(), rounds, warmUp);
    findings
        .json()
        .put("p50_ms", whole.median())
        .put("p99_ms", whole.quantile(0.99))
        .put("mean_ms", whole.mean())
        .put("rounds", rounds);
    times.print(findings);
  }
}
