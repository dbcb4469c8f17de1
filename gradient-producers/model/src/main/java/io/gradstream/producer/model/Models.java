package io.gradstream.producer.model;

import io.gradstream.producer.model.mae.MaeOptions;
import io.gradstream.producer.model.mae.MaeType;
import io.gradstream.producer.model.process.ProcessOptions;
import io.gradstream.producer.model.process.ProcessType;
import io.gradstream.producer.model.toy.ToyOptions;
import io.gradstream.producer.model.toy.ToyType;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.RunSpec;
import java.util.function.Supplier;

/** The models, by the name that a run spec's {@code model.type} gives. */
public final class Models {
  public static final Catalog<ModelType> CATALOG =
      Catalog.<ModelType>of("model")
          .with("mae", MaeOptions.class, "masked auto-encoder (He et al. 2022)", MaeType::new)
          .with(
              "process",
              ProcessOptions.class,
              "a script that computes gradients, with PyTorch or any other framework",
              ProcessType::new)
          .with("toy", ToyOptions.class, "parameters with analytic losses", ToyType::new);

  private Models() {}

  /**
   * What makes the model of a spec: data are read once, and each call gives an instance for one
   * thread.
   *
   * @param command what may be started, for models that run in a process of their own
   * @throws UserError when the spec's model, losses, data or device are not possible
   */
  public static Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command) {
    final ModelType type = CATALOG.create(spec.model());
    for (int task = 0; task < spec.tasks().size(); task++) {
      if (spec.tasks().get(task).output() != null && !type.hasOutputs()) {
        throw new UserError(
            "tasks.%d.output: model %s has no named outputs; leave this key out"
                .formatted(task, spec.model().kind()));
      }
    }
    return type.prepare(spec, command);
  }

  /** The same where no program may be started. */
  public static Supplier<TaskModel> prepare(RunSpec spec) {
    return prepare(spec, ModelCommand.NONE);
  }

  /** A single instance of the spec's model; see {@link #prepare}. */
  public static TaskModel create(RunSpec spec) {
    return prepare(spec).get();
  }
}
