package io.gradstream.producer.model.process;

import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.ModelType;
import io.gradstream.producer.model.Requirements;
import io.gradstream.producer.model.TaskData;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.util.function.Supplier;

/** Puts models together that a script computes. */
public record ProcessType(ProcessOptions options) implements ModelType {
  @Override
  public boolean hasOutputs() {
    return true;
  }

  @Override
  public Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command, ModelFile file) {
    Requirements.givenLosses(spec, "the losses of a script are its own; give loss: given");
    Requirements.distinctOutputs(spec);
    if (command.words().isEmpty()) {
      throw new UserError(
          "run %s computes with a script, and a run's topic starts no program here: name the command yourself, such as --command \"python3 two_digits.py\""
              .formatted(spec.run()));
    }
    final TaskData data = TaskData.isNamed(spec) ? TaskData.read(spec) : null;
    final var setup = new ProcessSetup(spec, options, command, data);
    return () -> new ProcessModel(setup);
  }

  /**
   * Requires that a validation has as many samples as the spec asks for.
   *
   * @param advice what to do if not
   */
  static void requireHeldOut(RunSpec spec, int heldOut, String advice) {
    if (spec.evaluation().every() > 0 && spec.evaluation().samples() > heldOut) {
      throw new UserError(
          "evaluation.samples: %d, but %d samples are held out; %s"
              .formatted(spec.evaluation().samples(), heldOut, advice));
    }
  }
}
