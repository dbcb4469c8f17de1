package io.gradstream.benchmarks;

import io.gradstream.proto.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream bench scale}. */
@Command(
    name = "scale",
    description = {
      "Measures what a round costs as models grow and tasks are added.",
      "It compares the bytes on the wire with what they should be."
    },
    mixinStandardHelpOptions = true)
final class ScaleCommand implements Callable<Integer> {
  @Option(
      names = "--sizes",
      split = ",",
      paramLabel = "D",
      defaultValue = "100000,1000000,10000000,30000000",
      description = "Parameters of the model, with two tasks; default: ${DEFAULT-VALUE}.")
  private List<Integer> sizes = List.of();

  @Option(
      names = "--tasks",
      split = ",",
      paramLabel = "N",
      defaultValue = "2,4,8,16",
      description = "Numbers of tasks, with the second size; default: ${DEFAULT-VALUE}.")
  private List<Integer> tasks = List.of();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "12",
      description = "Rounds of each, of which the first half is not counted; ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(names = "--out", paramLabel = "FILE", description = "Where to draw it (SVG).")
  private @Nullable Path out;

  @Option(names = "--json", description = "Print nothing but the result, as one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (rounds < 2
        || sizes.stream().anyMatch(d -> d < 1 || d > 100_000_000)
        || tasks.stream().anyMatch(n -> n < 2 || n > 64)) {
      throw new UserError("--rounds: at least 2, --sizes: 1 to 100000000, --tasks: 2 to 64");
    }
    final var findings = new BenchResults(spec.commandLine(), json);
    final var points = new ArrayList<ScalePoint>();
    final int middle = sizes.get(Math.min(1, sizes.size() - 1));
    ScalePoint.measure(middle, 2, rounds); // for the compiler
    for (final int size : sizes) {
      points.add(measure(size, 2, findings));
    }
    for (final int count : tasks) {
      if (count != 2) {
        points.add(measure(middle, count, findings));
      }
    }
    final double bySize =
        ScalePoint.exponent(
            points.stream().filter(p -> p.tasks() == 2 && p.size() >= middle).toList());
    final double byTasks =
        ScalePoint.exponent(points.stream().filter(p -> p.size() == middle).toList());
    findings.line(
        "time grows as D^%.2f from D = %,d on, and as N^%.2f there", bySize, middle, byTasks);
    findings.json().put("size_exponent", bySize).put("tasks_exponent", byTasks);
    draw(points, findings);
    findings.close();
    return 0;
  }

  private ScalePoint measure(int size, int count, BenchResults findings) {
    final ScalePoint point = ScalePoint.measure(size, count, rounds);
    findings.line(
        "D %,11d  N %2d  round %9.1f ms  %7.3f ns per value and task  wire %8.2f MB, formula %8.2f:"
            + " %.4f",
        size,
        count,
        point.roundMs(),
        point.roundMs() * 1e6 / size / count,
        point.wireBytes() / 1e6,
        point.formulaBytes() / 1e6,
        point.wireBytes() / point.formulaBytes());
    findings
        .json()
        .withArray("/points")
        .addObject()
        .put("size", size)
        .put("tasks", count)
        .put("round_ms", point.roundMs())
        .put("wire_bytes", point.wireBytes())
        .put("formula_bytes", point.formulaBytes());
    return point;
  }

  private void draw(List<ScalePoint> points, BenchResults findings) {
    if (out == null) {
      return;
    }
    try {
      Files.writeString(out, ScalePlot.of(points));
      findings.line("picture in %s", out);
    } catch (IOException e) {
      throw new UserError("--out: cannot write " + out + ": " + e.getMessage(), e);
    }
  }
}
