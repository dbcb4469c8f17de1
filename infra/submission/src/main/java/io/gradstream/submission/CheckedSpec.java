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
import java.util.function.Supplier;

/**
 * A spec that every service has checked, before anything is created for it.
 *
 * @param models makes the spec's model, one for each thread that needs one
 * @param command what may be started for it
 * @param file what {@code model.file} holds; it travels with the run
 */
public record CheckedSpec(
    RunSpec spec, Supplier<TaskModel> models, ModelCommand command, ModelFile file) {
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

  /** The same where no program may be started for the model, and it has no file. */
  public static CheckedSpec of(RunSpec spec) {
    return of(spec, ModelCommand.NONE, ModelFile.NONE);
  }
}
