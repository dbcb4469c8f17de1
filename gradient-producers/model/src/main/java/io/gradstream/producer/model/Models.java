package io.gradstream.producer.model;

import io.gradstream.producer.model.mae.MaeOptions;
import io.gradstream.producer.model.mae.MaeType;
import io.gradstream.producer.model.onnx.OnnxOptions;
import io.gradstream.producer.model.onnx.OnnxType;
import io.gradstream.producer.model.process.ProcessOptions;
import io.gradstream.producer.model.process.ProcessType;
import io.gradstream.producer.model.torchscript.TorchScriptOptions;
import io.gradstream.producer.model.torchscript.TorchScriptType;
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
              "onnx",
              OnnxOptions.class,
              "a PyTorch module that gradstream.export wrote as ONNX, with losses and gradients",
              OnnxType::new)
          .with(
              "process",
              ProcessOptions.class,
              "a script that computes gradients, with PyTorch or any other framework",
              ProcessType::new)
          .with(
              "torchscript",
              TorchScriptOptions.class,
              "a module that PyTorch saved as a TorchScript file",
              TorchScriptType::new)
          .with("toy", ToyOptions.class, "parameters with analytic losses", ToyType::new)
          .open(ModelPlugin.class);

  private Models() {}

  /**
   * What makes the model of a spec: data are read once, and each call gives an instance for one
   * thread.
   *
   * @param command what may be started, for models that run in a process of their own
   * @param file what {@code model.file} holds
   * @throws UserError when the spec's model, losses, data or device are not possible
   */
  public static Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command, ModelFile file) {
    final ModelType type = CATALOG.create(spec.model());
    for (int task = 0; task < spec.tasks().size(); task++) {
      if (spec.tasks().get(task).output() != null && !type.hasOutputs()) {
        throw new UserError(
            "tasks.%d.output: model %s has no named outputs; leave this key out"
                .formatted(task, spec.model().kind()));
      }
      if (spec.tasks().get(task).target() != null && !type.hasTargets()) {
        throw new UserError(
            "tasks.%d.target: the losses of model %s know what they compare with; leave this key out"
                .formatted(task, spec.model().kind()));
      }
      if (spec.tasks().get(task).data() != null && !type.hasData()) {
        throw new UserError(
            "tasks.%d.data: model %s takes no data; leave this key out"
                .formatted(task, spec.model().kind()));
      }
    }
    return type.prepare(spec, command, file);
  }

  /** The same where there is no file. */
  public static Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command) {
    return prepare(spec, command, ModelFile.NONE);
  }

  /** The same where no program may be started, and there is no file. */
  public static Supplier<TaskModel> prepare(RunSpec spec) {
    return prepare(spec, ModelCommand.NONE);
  }

  /** A single instance of the spec's model; see {@link #prepare}. */
  public static TaskModel create(RunSpec spec) {
    return prepare(spec).get();
  }
}
