package io.gradstream.producer.model.process;

import io.gradstream.producer.model.Requirements;
import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.List;

/**
 * How a script that computes gradients is started.
 *
 * @param command the program and its arguments
 * @param startTimeoutS seconds that the script may take until it has described its model, and for
 *     each batch of a validation
 * @param framework whether all workers must have the submitter's version of the framework
 * @param evalGradients whether gradients are taken in evaluation mode
 */
public record ProcessOptions(
    @Param(
            "the program and its arguments; files among them are looked for beside the run spec,"
                + " then in the working directory")
        List<String> command,
    @Param(
            value =
                "seconds that the script may take to start and to describe its model; importing a"
                    + " framework takes some",
            defaultValue = "120",
            min = 1,
            max = 86400)
        int startTimeoutS,
    @Param(
            value =
                "same: workers must have the version of the framework that the run was submitted"
                    + " with; any: they need not, and the digest depends on who computed what",
            defaultValue = "same")
        Versions framework,
    @Param(value = Requirements.EVAL_GRADIENTS, defaultValue = "false") boolean evalGradients) {
  /** Which versions of the framework may compute. */
  public enum Versions {
    SAME,
    ANY
  }

  public ProcessOptions {
    command = List.copyOf(command);
    if (command.isEmpty() || command.getFirst().isBlank()) {
      throw new SpecError("command", "empty; such as [python3, two_digits.py]");
    }
  }
}
