package io.gradstream.producer.model.torchscript;

import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.HashSet;
import java.util.List;

/**
 * A TorchScript file, and how its forward is called.
 *
 * @param file beside the run spec
 * @param inputs fields of the data, in the order of forward's parameters
 * @param outputs names of what forward returns, in its order; keys where it returns a dictionary
 * @param owners says whose parameters are, where the probe's answer is not wanted
 * @param mode what the module is in while gradients are computed
 * @param maxFileMb how large the file may be
 */
public record TorchScriptOptions(
    @Param(
            "a file that torch.jit.save wrote, in the folder of the run spec; it travels with the run")
        String file,
    @Param("fields of the data that forward takes, in its order, such as [image]")
        List<String> inputs,
    @Param("names of what forward returns, in its order; its keys where it returns a dictionary")
        List<String> outputs,
    @Param(
            value =
                "whose parameters are, where it shall not be what a probe finds: those that one"
                    + " task's loss alone reaches are its own",
            defaultValue = "[]")
        List<Owner> owners,
    @Param(
            value =
                "training: gradients as in training; evaluation: dropout is off, and batch"
                    + " normalisation uses the statistics in the file",
            defaultValue = "training")
        Mode mode,
    @Param(value = "how large the file may be, in MiB", defaultValue = "64", min = 1, max = 1024)
        int maxFileMb) {
  /** The two modes that a module knows. */
  public enum Mode {
    TRAINING,
    EVALUATION
  }

  /**
   * Whose some parameters are.
   *
   * @param parameter one, or the beginning of several's names up to a dot
   * @param task a task's name, or shared
   */
  public record Owner(
      @Param("a parameter, or the module that holds it, such as left or left.weight")
          String parameter,
      @Param("the task that owns it, or shared") String task) {
    boolean isOf(String name) {
      return name.equals(parameter) || name.startsWith(parameter + ".");
    }
  }

  public TorchScriptOptions {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    owners = List.copyOf(owners);
    if (inputs.isEmpty()) {
      throw new SpecError("inputs", "empty; such as [image]");
    }
    if (outputs.isEmpty()) {
      throw new SpecError("outputs", "empty; such as [left, right]");
    }
    final var seen = new HashSet<String>();
    for (final String output : outputs) {
      if (!seen.add(output)) {
        throw new SpecError("outputs", output + " is there twice");
      }
    }
  }
}
