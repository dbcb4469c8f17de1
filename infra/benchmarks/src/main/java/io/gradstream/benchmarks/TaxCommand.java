package io.gradstream.benchmarks;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.weights.WeightsReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradstream bench tax}. */
@Command(
    name = "tax",
    description = {
      "Measures what the stream costs a training.",
      "Rounds over Kafka take turns with the same rounds in a loop without Kafka: the "
          + "same model, batches, methods and worker threads, to the same weights."
    },
    mixinStandardHelpOptions = true)
final class TaxCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "SPEC",
      defaultValue = "infra/runs/digits-mae.yaml",
      description = "The run spec; default: ${DEFAULT-VALUE}.")
  private Path file;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "450",
      description = "Rounds of each training; default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      defaultValue = "150",
      description = "How many of them are not counted; default: ${DEFAULT-VALUE}.")
  private int warmUp;

  @Option(
      names = "--turns",
      paramLabel = "N",
      defaultValue = "2",
      description = "Trainings of each kind; default: ${DEFAULT-VALUE}.")
  private int turns;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Changes a value of the spec; may be repeated.")
  private List<String> assignments = new ArrayList<>();

  @Option(names = "--json", description = "Print nothing but the result, as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (warmUp < 0 || rounds <= warmUp || turns < 1) {
      throw new UserError("--rounds: more than --warm-up, and --turns: at least 1");
    }
    final var findings = new BenchResults(spec.commandLine(), json);
    final var changes = new ArrayList<>(assignments);
    changes.addAll(List.of("rounds=" + rounds, "evaluation.every=0"));
    final RunSpec runSpec = RunSpec.read(file, changes);
    final var alone = new ArrayList<Double>();
    final var streamed = new ArrayList<Double>();
    boolean same = true;
    RoundTimes times = null;
    for (int turn = 0; turn < turns; turn++) {
      final var plain =
          InProcessTraining.train(CheckedSpec.of(runSpec), runSpec.compute().workers());
      alone.addAll(plain.roundSeconds().subList(warmUp, rounds));
      try (var local = LocalRun.submit(runSpec)) {
        local.train();
        times = RoundTimes.read(local.run(), warmUp);
        streamed.addAll(times.seconds());
        same &= new WeightsReader(local.run()).newest().sha256().equals(plain.sha256());
      }
    }
    report(Samples.of(alone), Samples.of(streamed), same, findings);
    if (times != null) {
      times.print(findings);
    }
    findings.close();
    return 0;
  }

  private void report(Samples alone, Samples streamed, boolean same, BenchResults findings) {
    final double tax = 100 * (streamed.median() / alone.median() - 1);
    final double meanTax = 100 * (streamed.mean() / alone.mean() - 1);
    findings.line(
        "round without Kafka  median %7.1f ms  mean %7.1f",
        1e3 * alone.median(), 1e3 * alone.mean());
    findings.line(
        "round over Kafka     median %7.1f ms  mean %7.1f",
        1e3 * streamed.median(), 1e3 * streamed.mean());
    findings.line(
        "tax                  %.1f %% by medians, %.1f %% by means; weights are %s",
        tax, meanTax, same ? "the same" : "DIFFERENT");
    findings
        .json()
        .put("tax_percent", tax)
        .put("mean_tax_percent", meanTax)
        .put("in_process_ms", 1e3 * alone.median())
        .put("streamed_ms", 1e3 * streamed.median())
        .put("same_weights", same);
  }
}
