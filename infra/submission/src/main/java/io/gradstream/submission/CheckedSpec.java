package io.gradstream.submission;

import io.gradstream.arbitrator.topology.Arbitrator;
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
 */
public record CheckedSpec(RunSpec spec, Supplier<TaskModel> models) {
  /**
   * Checks all sections.
   *
   * @throws UserError at the first method, option or file that is wrong
   */
  public static CheckedSpec of(RunSpec spec) {
    Arbitrator.check(spec);
    Optimizers.create(spec, Kernels.scalar());
    return new CheckedSpec(spec, Models.prepare(spec));
  }
}
