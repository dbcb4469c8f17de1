package io.gradstream.cli;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.weights.Safetensors;
import io.gradstream.weights.Weights;
import io.gradstream.weights.WeightsReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream export}. */
@Command(
    name = "export",
    description = "Writes a run's newest weights as a safetensors file.",
    mixinStandardHelpOptions = true)
final class ExportCommand implements Callable<Integer> {
  @Mixin private RunOptions options;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The file to write, such as model.safetensors.")
  private Path file;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    try (var found = options.open()) {
      final Weights weights = new WeightsReader(found.run()).newest();
      try {
        Safetensors.write(file, found.run().description(), weights);
      } catch (IOException e) {
        throw new UserError("--out: cannot write " + file + ": " + FileFault.of(e), e);
      }
      final var out = spec.commandLine().getOut();
      out.printf("%s: weights version %d, sha256 %s%n", file, weights.version(), weights.sha256());
      out.flush();
    }
    return 0;
  }
}
