package io.gradstream.producer.model;

import io.gradstream.proto.spec.RunSpec;
import java.util.function.Supplier;

/** A kind of model with its options, before the rest of the run spec is known. */
public interface ModelType {
  /**
   * Checks the rest of the spec and reads the data, once for all workers of the process.
   *
   * @return makes an instance, for one thread, at each call
   * @throws io.gradstream.proto.UserError when losses, data or device do not fit the model
   */
  Supplier<TaskModel> prepare(RunSpec spec);
}
