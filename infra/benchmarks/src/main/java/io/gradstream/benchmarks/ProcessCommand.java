package io.gradstream.benchmarks;

import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream bench process}. */
@Command(
    name = "process",
    description = {
      "Measures the way of weights and gradients between a worker and a script.",
      "Weights are copied to the script's process as a worker does, a script answers with a "
          + "gradient that it need not compute, and the gradient is copied as a worker does. For "
          + "comparison weights and gradient are copied once in memory."
    },
    mixinStandardHelpOptions = true)
final class ProcessCommand implements Callable<Integer> {
  private static final List<Integer> MEGABYTES = List.of(10, 100);
  private static final int WARM_UP = 5;

  @Option(
      names = "--python",
      paramLabel = "PROGRAM",
      defaultValue = "python3",
      description = "A Python with numpy; default: ${DEFAULT-VALUE}.")
  private String python;

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
  public Integer call() throws IOException {
    if (repeat < 1) {
      throw new UserError("--repeat: at least 1");
    }
    final var findings = new BenchResults(spec.commandLine(), json);
    try (var directory = ScratchDirectory.create()) {
      final Path script = directory.path().resolve("echo.py");
      try (InputStream content = ProcessCommand.class.getResourceAsStream("echo.py")) {
        Files.copy(Objects.requireNonNull(content), script);
      }
      for (final int megabytes : MEGABYTES) {
        measure(script, megabytes, findings);
      }
    }
    findings.close();
    return 0;
  }

  private void measure(Path script, int megabytes, BenchResults findings) {
    final long values = megabytes * 1_000_000L / Float.BYTES;
    final var command =
        new ModelCommand(
            List.of(python, script.toString(), Long.toString(values)), "bench process");
    try (Arena arena = Arena.ofConfined();
        TaskModel model = Models.prepare(runSpec(), command).get()) {
      final long bytes = values * Float.BYTES;
      final MemorySegment replica = arena.allocate(bytes, 64);
      final MemorySegment record = arena.allocate(bytes, 64);
      replica.fill((byte) 1);
      model.weights().copyFrom(replica);
      model.gradient(0, 0);
      if (model.gradient().mismatch(replica) >= 0) {
        throw new IllegalStateException("the script answered with another gradient");
      }
      final var times =
          new InterleavedTimer()
              .add(
                  "round trip",
                  () -> {
                    model.weights().copyFrom(replica);
                    model.gradient(0, 0);
                    record.copyFrom(model.gradient());
                  })
              .add(
                  "one copy",
                  () -> {
                    model.weights().copyFrom(replica);
                    record.copyFrom(replica);
                  })
              .run(WARM_UP, repeat);
      final double trip = times.median("round trip");
      final double copy = times.median("one copy");
      findings.line(
          "%d MB: round trip %.2f ms, copying weights and gradient once %.2f ms: %.2f copies' time",
          megabytes, trip * 1e3, copy * 1e3, trip / copy);
      findings
          .json()
          .putObject(megabytes + "_mb")
          .put("round_trip_ms", trip * 1e3)
          .put("one_copy_ms", copy * 1e3)
          .put("ratio", trip / copy);
    }
  }

  private static RunSpec runSpec() {
    return RunSpec.parse(
        """
        run: bench
        rounds: 1
        tasks: [{name: echo, loss: given}]
        model: {type: process, command: [python3]}
        resolver: sum
        optimizer: {type: sgd, learning-rate: 0.1}
        """,
        "bench process",
        List.of());
  }
}
