package io.gradstream.submission;

import io.gradstream.arbitrator.topology.Arbitrator;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.server.optimizer.Optimizers;
import io.gradstream.submission.weights.InitialTensors;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A spec that every service has checked, before anything is created for it.
 *
 * @param models makes the spec's model, one for each thread that needs one
 * @param command what may be started for it
 * @param file what {@code model.file} holds; it travels with the run
 * @param initial what {@code initial-weights} names; null where that is nothing, or not needed,
 *     since the run goes on from another one
 */
public record CheckedSpec(
    RunSpec spec,
    Supplier<TaskModel> models,
    ModelCommand command,
    ModelFile file,
    @Nullable InitialTensors initial) {
  /** Of a run whose weights begin as its model says. */
  public CheckedSpec(
      RunSpec spec, Supplier<TaskModel> models, ModelCommand command, ModelFile file) {
    this(spec, models, command, file, null);
  }

  /**
   * Checks all sections.
   *
   * @param command what may be started for the model
   * @param file what {@code model.file} holds
   * @throws UserError at the first method, option or file that is wrong
   */
  public static CheckedSpec of(RunSpec spec, ModelCommand command, ModelFile file) {
    Arbitrator.check(spec);
    Optimizers.create(spec, Kernels.scalar());
    return new CheckedSpec(spec, Models.prepare(spec, command, file), command, file);
  }

  /** The same with weights to begin with; null for none. */
  public CheckedSpec from(@Nullable InitialTensors tensors) {
    return new CheckedSpec(spec, models, command, file, tensors);
  }

  /** The same where no program may be started for the model, and it has no file. */
  public static CheckedSpec of(RunSpec spec) {
    return of(spec, ModelCommand.NONE, ModelFile.NONE);
  }
}
