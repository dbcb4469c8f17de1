package io.gradstream.producer.model;

import io.gradstream.proto.spec.RunSpec;
import java.util.function.Supplier;

/** A kind of model with its options, before the rest of the run spec is known. */
public interface ModelType {
  /**
   * Checks the rest of the spec and reads the data, once for all workers of the process.
   *
   * @param command what may be started, for models that run in a process of their own
   * @return makes an instance, for one thread, at each call
   * @throws io.gradstream.proto.UserError when losses, data or device do not fit the model
   */
  Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command);

  /** Whether tasks name the output that their loss is taken of, by the key {@code output}. */
  default boolean hasOutputs() {
    return false;
  }
}
