package io.gradstream.benchmarks;

import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.submission.CheckedSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream bench size}. */
@Command(
    name = "size",
    description = {
      "Trains a few rounds of a synthetic model of any size, all in this process.",
      "The methods are the cheapest: the plain sum, plain SGD, one slot a task."
    },
    mixinStandardHelpOptions = true)
final class SizeCommand implements Callable<Integer> {
  private static final String SPEC =
      """
      run: bench-size
      seed: 1
      rounds: %d
      tasks:
      %s
      accumulation: {mode: sequential, micro-batches: 1, batch-size: 1}
      model: toy
      resolver: sum
      optimizer: {type: sgd, learning-rate: 0.1}
      evaluation: {every: 0}
      compute: {workers: 1}
      orders: {timeout-ms: 3600000}
      transport: {partitions: %d}
      """;

  private static final long TENSOR = 100_000_000;

  @Option(
      names = "--parameters",
      paramLabel = "D",
      defaultValue = "300000000",
      description = "Parameters of the model; default: ${DEFAULT-VALUE}.")
  private long parameters;

  @Option(
      names = "--tasks",
      paramLabel = "N",
      defaultValue = "2",
      description = "Number of tasks; default: ${DEFAULT-VALUE}.")
  private int tasks;

  @Option(
      names = "--partitions",
      paramLabel = "P",
      defaultValue = "1",
      description = "Partitions of the topics that carry shards; default: ${DEFAULT-VALUE}.")
  private int partitions;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "3",
      description = "Rounds to train; default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(names = "--json", description = "Print nothing but the result, as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (parameters < 1 || tasks < 1 || partitions < 1 || rounds < 1) {
      throw new UserError("--parameters, --tasks, --partitions, --rounds: at least 1 each");
    }
    final String names =
        IntStream.range(0, tasks)
            .mapToObj("  - {name: task%d, loss: quadratic}"::formatted)
            .collect(Collectors.joining("\n"));
    final var runSpec =
        RunSpec.parse(SPEC.formatted(rounds, names, partitions), "the benchmark's spec", List.of());
    final List<TensorShape> tensors = tensors();
    final var checked =
        new CheckedSpec(
            runSpec, () -> new SyntheticModel(tensors), ModelCommand.NONE, ModelFile.NONE);
    final var results = new BenchResults(spec.commandLine(), json);
    try (var local = LocalRun.submit(checked)) {
      final long start = System.nanoTime();
      local.train();
      final double seconds = (System.nanoTime() - start) / 1e9;
      results.line(
          "D %,d  N %d  partitions %d: %d rounds in %.1f s, %.1f s a round",
          parameters, tasks, partitions, rounds, seconds, seconds / rounds);
      results
          .json()
          .put("parameters", parameters)
          .put("tasks", tasks)
          .put("partitions", partitions)
          .put("rounds", rounds)
          .put("seconds", seconds);
      peakMemory()
          .ifPresent(
              bytes -> {
                results.line(
                    "most memory  %,d MB, broker and model among it: %.1f vectors of the model",
                    bytes / 1_000_000, bytes / (4.0 * parameters));
                results.json().put("peak_bytes", bytes);
              });
    }
    results.close();
    return 0;
  }

  private List<TensorShape> tensors() {
    final var shapes = new ArrayList<TensorShape>();
    for (long done = 0; done < parameters; done += TENSOR) {
      shapes.add(
          new TensorShape(
              "w" + shapes.size(),
              new long[] {Math.min(TENSOR, parameters - done)},
              TensorShape.SHARED));
    }
    return shapes;
  }

  /** The most memory that this process had at a time, where Linux tells it. */
  private static Optional<Long> peakMemory() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .map(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
