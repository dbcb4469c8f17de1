package io.gradstream.producer.model.process;

import io.gradstream.producer.data.DataSources;
import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelType;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Puts models together that a script computes. */
public record ProcessType(ProcessOptions options) implements ModelType {
  @Override
  public boolean hasOutputs() {
    return true;
  }

  @Override
  public Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command) {
    checkTasks(spec);
    if (command.words().isEmpty()) {
      throw new UserError(
          "run %s computes with a script, and a run's topic starts no program here: name the command yourself, such as --command \"python3 two_digits.py\""
              .formatted(spec.run()));
    }
    final ImageData data =
        spec.data().kind().equals("none") ? null : DataSources.CATALOG.create(spec.data());
    requireHeldOut(spec, data);
    final var setup = new ProcessSetup(spec, options, command, data, digest(data));
    return () -> new ProcessModel(setup);
  }

  private static byte[] digest(@Nullable ImageData data) {
    return data == null ? new byte[0] : data.digest();
  }

  /** A script's losses are its own, one for each task. */
  private static void checkTasks(RunSpec spec) {
    final Map<String, Integer> first = new HashMap<>();
    for (int i = 0; i < spec.tasks().size(); i++) {
      final TaskSpec task = spec.tasks().get(i);
      if (!task.loss().kind().equals("given")) {
        throw task.loss().error("type", "the losses of a script are its own; give loss: given");
      }
      final Integer earlier = first.putIfAbsent(task.outputName(), i);
      if (earlier != null) {
        throw new UserError(
            "tasks.%d.output: %s is already the output of tasks.%d; two tasks of one loss would have one gradient twice"
                .formatted(i, task.outputName(), earlier));
      }
    }
  }

  private static void requireHeldOut(RunSpec spec, @Nullable ImageData data) {
    if (data != null && spec.evaluation().every() > 0) {
      requireHeldOut(
          spec, data.heldOut().size(), "give at most so many, or a larger data.held-out");
    }
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
