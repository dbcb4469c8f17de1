package io.gradstream.cli;

import io.gradstream.audit.restore.PastWeights;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.weights.Safetensors;
import io.gradstream.weights.Weights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream restore}. */
@Command(
    name = "restore",
    description = {
      "Writes any past version of a run's weights as a safetensors file,",
      "from the initial weights and the recorded updates."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:the version was restored",
      "1:it was, and the run's weights topic says otherwise",
      "2:it cannot be restored"
    })
final class RestoreCommand implements Callable<Integer> {
  private static final int FINDING = 1;

  @Mixin private LogOptions options;

  /** The standard options would take {@code --version} for themselves. */
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help message and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Option(
      names = "--version",
      required = true,
      paramLabel = "V",
      description = "The version: the number of optimizer steps behind it.")
  private long version;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The file to write, such as model.safetensors.")
  private Path file;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    try (var opened = options.open()) {
      final PastWeights past = PastWeights.restore(opened.log(), version);
      final var weights = new Weights(version, past.values());
      try {
        Safetensors.write(file, past.run(), weights);
      } catch (IOException e) {
        throw new UserError("--out: cannot write " + file + ": " + FileFault.of(e), e);
      }
      final PastWeights.Agreement agreement = past.agreement(opened.log());
      final var out = spec.commandLine().getOut();
      out.printf("%s: weights version %d, sha256 %s%n", file, version, weights.sha256());
      out.println(
          switch (agreement) {
            case SAME -> "the same bits as on the weights topic";
            case DIFFERENT -> "the weights topic has other bits: gradstream audit tells more";
            case GONE -> "the weights topic has this version no more";
          });
      out.flush();
      return agreement == PastWeights.Agreement.DIFFERENT ? FINDING : 0;
    }
  }
}
