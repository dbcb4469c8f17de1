package io.gradstream.cli;

import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Which of PyTorch's kernels compute gradients. Its libraries choose them when they are loaded, by
 * the processor and by variables of the environment, which a Java process cannot set for itself:
 * the launcher does, and here it is only looked whether it did.
 */
final class ArithmeticOptions {
  /** What a person can say. */
  enum Mode {
    /** The fastest kernels that the processor has. */
    NATIVE,
    /** Kernels that more kinds of processors have in common. */
    PORTABLE
  }

  /** What the launcher sets for {@link Mode#PORTABLE}; LauncherTest holds it against this. */
  static final Map<String, String> PORTABLE =
      new TreeMap<>(
          Map.of(
              "ATEN_CPU_CAPABILITY", "default",
              "MKL_CBWR", "COMPATIBLE",
              "DNNL_MAX_CPU_ISA", "SSE41"));

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--arithmetic",
      paramLabel = "MODE",
      description =
          "native, or portable: slower kernels of PyTorch that more kinds of processors have in common.")
  void mode(Mode mode) {
    PORTABLE.forEach(
        (variable, value) -> {
          if (mode == Mode.PORTABLE && !value.equals(System.getenv(variable))) {
            throw new ParameterException(
                spec.commandLine(),
                "--arithmetic portable: %s is not %s, which must be set before Java starts; use the launcher, ./gradstream"
                    .formatted(variable, value));
          }
        });
  }

  /** The variables, each with what this process has. */
  static Map<String, String> environment() {
    final var found = new TreeMap<String, String>();
    PORTABLE.keySet().forEach(name -> found.put(name, System.getenv().getOrDefault(name, "")));
    return found;
  }
}
