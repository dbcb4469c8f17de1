package io.gradstream.cli;

import io.gradstream.audit.restore.PastWeights;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code gradstream export}. */
@Command(
    name = "export",
    description = {
      "Writes a run's newest weights as a safetensors file.",
      "The weights are computed from the initial weights and the recorded updates, "
          + "each of which must follow from a verdict. They are compared with the weights "
          + "topic."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:the weights were written",
      "1:they were, and the run's weights topic says otherwise",
      "2:they cannot be computed"
    },
    mixinStandardHelpOptions = true)
final class ExportCommand implements Callable<Integer> {
  @Mixin private LogOptions options;

  @Mixin private ModelFile file;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    file.type();
    try (var opened = options.open()) {
      return file.write(
          PastWeights.newest(opened.log()), opened.log(), spec.commandLine().getOut());
    }
  }
}
