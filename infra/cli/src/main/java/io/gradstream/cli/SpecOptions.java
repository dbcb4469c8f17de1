package io.gradstream.cli;

import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.process.ProcessOptions;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.weights.InitialTensors;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
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

  /**
   * Reads the spec and checks all its sections. The spec is a file in the hands of whoever started
   * this process, so the command that it names may be started: files among its words are those
   * beside the spec, where there are such.
   *
   * @throws io.gradstream.proto.UserError at the first mistake
   */
  CheckedSpec check() {
    final RunSpec spec = read();
    return check(spec).from(InitialTensors.beside(file, spec));
  }

  private CheckedSpec check(RunSpec spec) {
    if (!spec.model().kind().equals("process")) {
      return CheckedSpec.of(spec, ModelCommand.NONE, ModelFile.beside(file, spec));
    }
    final List<String> words = spec.model().bind(ProcessOptions.class).command();
    final var resolved = new ArrayList<String>();
    for (final String word : words) {
      // A program without a folder is looked for on the path.
      final boolean isProgram = resolved.isEmpty() && word.indexOf('/') < 0;
      resolved.add(isProgram ? word : besideSpec(word));
    }
    return CheckedSpec.of(spec, new ModelCommand(resolved, "model.command"), ModelFile.NONE);
  }

  private String besideSpec(String word) {
    try {
      final Path beside = file.toAbsolutePath().resolveSibling(word);
      return Files.isRegularFile(beside) ? beside.toString() : word;
    } catch (InvalidPathException e) {
      return word;
    }
  }
}
