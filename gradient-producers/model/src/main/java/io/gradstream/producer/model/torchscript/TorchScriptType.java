package io.gradstream.producer.model.torchscript;

import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.data.ImageSet;
import io.gradstream.producer.loss.OutputLosses;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.ModelType;
import io.gradstream.producer.model.Requirements;
import io.gradstream.producer.model.SampleFields;
import io.gradstream.producer.model.TaskData;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Puts TorchScript models together from a run spec and the file that it names. */
public record TorchScriptType(TorchScriptOptions options) implements ModelType {
  @Override
  public ModelFile.Wanted file() {
    return new ModelFile.Wanted(options.file(), options.maxFileMb());
  }

  @Override
  public boolean hasOutputs() {
    return true;
  }

  @Override
  public boolean hasTargets() {
    return true;
  }

  @Override
  public Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command, ModelFile file) {
    if (file.content().isEmpty()) {
      throw spec.model().error("file", options.file() + " is empty, or is not here");
    }
    TorchScriptArchive.require(file, spec.model());
    if (!TaskData.isNamed(spec)) {
      throw spec.data()
          .error(
              "type",
              "a TorchScript model needs data; such as {type: overlay, directory: shipped:digits}");
    }
    final TaskData data = TaskData.read(spec);
    for (final TaskData.Source source : data.sources()) {
      final List<String> fields = new SampleFields(source.data().training(), 1).names();
      for (final String input : options.inputs()) {
        if (!fields.contains(input)) {
          throw spec.model()
              .error("inputs", "the data have no field %s; they have %s".formatted(input, fields));
        }
      }
    }
    final var setup = new TorchScriptSetup(spec, options, file, tasks(spec, data), data);
    final List<TensorShape> tensors = TorchScriptProbe.tensors(setup);
    return () -> new TorchScriptModel(setup, tensors);
  }

  private List<TorchScriptTask> tasks(RunSpec spec, TaskData data) {
    Requirements.distinctOutputs(spec);
    final List<TorchScriptTask> tasks = new ArrayList<>();
    for (int i = 0; i < spec.tasks().size(); i++) {
      final TaskSpec task = spec.tasks().get(i);
      final String output = task.outputName();
      if (!options.outputs().contains(output)) {
        throw new UserError(
            "tasks.%d.output: model.outputs has no %s; it has %s"
                .formatted(i, output, options.outputs()));
      }
      tasks.add(task(i, task, data.of(i)));
    }
    return tasks;
  }

  private static TorchScriptTask task(int index, TaskSpec task, ImageData data) {
    final String target = task.target();
    if (task.loss().kind().equals("given")) {
      if (target != null) {
        throw new UserError(
            "tasks.%d.target: with loss given the output is the loss; leave this key out, and name %s among model.inputs"
                .formatted(index, target));
      }
      return new TorchScriptTask(task.name(), task.outputName(), null, null, -1, task.weight());
    }
    final var loss = OutputLosses.CATALOG.create(task.loss());
    final List<String> fields = new SampleFields(data.training(), 1).names();
    if (target == null || !fields.contains(target)) {
      throw new UserError(
          "tasks.%d.target: %s; %s needs one of %s"
              .formatted(
                  index,
                  target == null ? "missing" : "the data have no field " + target,
                  task.loss().kind(),
                  fields));
    }
    return new TorchScriptTask(
        task.name(),
        task.outputName(),
        loss,
        target,
        Math.max(maxLabel(data.training(), target), maxLabel(data.heldOut(), target)),
        task.weight());
  }

  private static int maxLabel(ImageSet images, String field) {
    final int which = images.labels().indexOf(field);
    int max = -1;
    for (int image = 0; which >= 0 && image < images.size(); image++) {
      max = Math.max(max, images.label(which, image));
    }
    return max;
  }
}
