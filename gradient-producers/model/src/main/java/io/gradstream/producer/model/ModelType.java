package io.gradstream.producer.model;

import io.gradstream.proto.spec.RunSpec;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A kind of model with its options, before the rest of the run spec is known. */
public interface ModelType {
  /**
   * Checks the rest of the spec and reads the data, once for all workers of the process.
   *
   * @param command what may be started, for models that run in a process of their own
   * @param file what {@link #file()} names
   * @return makes an instance, for one thread, at each call
   * @throws io.gradstream.proto.UserError when losses, data or device do not fit the model
   */
  Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command, ModelFile file);

  /** The file that the model is made of; null where it is made of the spec alone. */
  default ModelFile.@Nullable Wanted file() {
    return null;
  }

  /** Whether tasks name the output that their loss is taken of, by the key {@code output}. */
  default boolean hasOutputs() {
    return false;
  }

  /** Whether tasks name the field that their output is compared with, by the key {@code target}. */
  default boolean hasTargets() {
    return false;
  }

  /** Whether the model trains on stored data, which tasks may have of their own. */
  default boolean hasData() {
    return true;
  }
}
