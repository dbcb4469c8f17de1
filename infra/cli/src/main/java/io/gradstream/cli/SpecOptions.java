package io.gradstream.cli;

import io.gradstream.proto.spec.RunSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A run spec with what the command line changes in it. */
final class SpecOptions {
  @Parameters(index = "0", paramLabel = "SPEC", description = "The run spec, a YAML file.")
  private Path file;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Optimizer steps, instead of the spec's.")
  private @Nullable Long rounds;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = {
        "Changes a value of the spec; may be repeated.",
        "Such as: --set resolver.method=sum --set accumulation.micro-batches=8"
      })
  private List<String> assignments = List.of();

  /**
   * Reads the file and applies the changes.
   *
   * @throws io.gradstream.proto.UserError if the file, a change or the result is wrong
   */
  RunSpec read() {
    final var overrides = new ArrayList<>(assignments);
    if (rounds != null) {
      overrides.add("rounds=" + rounds);
    }
    return RunSpec.read(file, overrides);
  }
}
