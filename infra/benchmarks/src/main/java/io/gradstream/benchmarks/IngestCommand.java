package io.gradstream.benchmarks;

import io.gradstream.proto.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream bench ingest}. */
@Command(
    name = "ingest",
    description = {
      "Measures how fast the arbitrator takes gradients in.",
      "Records have about a megabyte. For comparison a plain consumer sums every "
          + "value, with as many partitions and threads."
    },
    mixinStandardHelpOptions = true)
final class IngestCommand implements Callable<Integer> {
  @Option(
      names = "--megabytes",
      paramLabel = "N",
      defaultValue = "2000",
      description = "How much to take in; default: ${DEFAULT-VALUE}.")
  private int megabytes;

  @Option(
      names = "--partitions",
      split = ",",
      paramLabel = "P",
      defaultValue = "1",
      description = "Numbers of partitions, such as 1,2,4; default: ${DEFAULT-VALUE}.")
  private List<Integer> partitions = List.of();

  @Option(
      names = "--shard-values",
      paramLabel = "N",
      defaultValue = "245760",
      description = "Values of a record; default: ${DEFAULT-VALUE}.")
  private int shardValues;

  @Option(
      names = "--turns",
      paramLabel = "N",
      defaultValue = "3",
      description = "Runs of each kind, whose median counts; default: ${DEFAULT-VALUE}.")
  private int turns;

  @Option(names = "--json", description = "Print nothing but the result, as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (megabytes < 1
        || shardValues < 1
        || turns < 1
        || partitions.stream().anyMatch(p -> p < 1 || p > 64)) {
      throw new UserError(
          "--megabytes, --shard-values, --turns: at least 1, and --partitions: 1 to 64");
    }
    final var findings = new BenchResults(spec.commandLine(), json);
    final var all = findings.json().putArray("partitions");
    for (final int count : partitions) {
      final var bench = new IngestBench(count, shardValues);
      bench.run("warm-up", megabytes * 500_000L);
      final var speeds = new ArrayList<IngestBench.Speeds>();
      for (int turn = 0; turn < turns; turn++) {
        speeds.add(bench.run("measured", megabytes * 1_000_000L));
      }
      final double arbitrator = median(speeds, IngestBench.Speeds::arbitrator);
      final double plain = median(speeds, IngestBench.Speeds::plain);
      final double ratio = median(speeds, IngestBench.Speeds::ratio);
      findings.line(
          "%d partition%s  arbitrator %7.0f MB/s   plain consumer %7.0f MB/s   ratio %.2f",
          count, count == 1 ? " " : "s", arbitrator / 1e6, plain / 1e6, ratio);
      all.addObject()
          .put("partitions", count)
          .put("arbitrator_mb_s", arbitrator / 1e6)
          .put("plain_mb_s", plain / 1e6)
          .put("ratio", ratio);
      if (!findings.json().has("ratio")) {
        findings.json().put("ratio", ratio);
      }
    }
    findings.close();
    return 0;
  }

  private static double median(
      List<IngestBench.Speeds> speeds, ToDoubleFunction<IngestBench.Speeds> figure) {
    return Samples.of(speeds.stream().map(figure::applyAsDouble).toList()).median();
  }
}
