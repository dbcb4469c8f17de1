package io.gradstream.cli;

import io.gradstream.audit.restore.PastWeights;
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
      "Writes a past version of a run's weights as a safetensors file.",
      "The weights are computed from the initial weights and the recorded updates."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:the version was restored",
      "1:it was, and the run's weights topic says otherwise",
      "2:it cannot be restored"
    })
final class RestoreCommand implements Callable<Integer> {
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

  @Mixin private ModelFile file;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    file.type();
    try (var opened = options.open()) {
      return file.write(
          PastWeights.restore(opened.log(), version), opened.log(), spec.commandLine().getOut());
    }
  }
}
