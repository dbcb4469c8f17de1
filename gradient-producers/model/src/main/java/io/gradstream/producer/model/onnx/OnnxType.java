package io.gradstream.producer.model.onnx;

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
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Supplier;

/** Puts models together from a run spec and the ONNX file that it names. */
public record OnnxType(OnnxOptions options) implements ModelType {
  @Override
  public ModelFile.Wanted file() {
    return new ModelFile.Wanted(options.file(), options.maxFileMb());
  }

  @Override
  public boolean hasOutputs() {
    return true;
  }

  @Override
  public Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command, ModelFile content) {
    if (content.content().isEmpty()) {
      throw spec.model().error("file", options.file() + " is empty, or is not here");
    }
    final var file = new OnnxFile(content, spec.model());
    Requirements.givenLosses(spec, "the losses are in the file; give loss: given");
    Requirements.distinctOutputs(spec);
    if (file.description().evalGradients() != options.evalGradients()) {
      throw spec.model()
          .error(
              "eval-gradients",
              "%s, and %s was exported with eval_gradients=%s; give what the file has, or export it again"
                  .formatted(
                      options.evalGradients(),
                      options.file(),
                      options.evalGradients() ? "False" : "True"));
    }
    final List<String> tasks = file.description().tasks();
    for (int i = 0; i < spec.tasks().size(); i++) {
      final String output = spec.tasks().get(i).outputName();
      if (!tasks.contains(output)) {
        throw new UserError(
            "tasks.%d.output: %s has no loss %s; it has %s"
                .formatted(i, options.file(), output, tasks));
      }
    }
    if (!TaskData.isNamed(spec)) {
      throw spec.data()
          .error(
              "type",
              "an ONNX model needs data; such as {type: overlay, directory: shipped:digits}");
    }
    final TaskData data = TaskData.read(spec);
    for (final TaskData.Source source : data.sources()) {
      requireFields(file, new SampleFields(source.data().training(), 1));
    }
    final var setup = new OnnxSetup(spec, file, content.entry(), tensors(file, spec), data);
    OnnxModel.requireRepeatable(setup);
    return () -> new OnnxModel(setup);
  }

  private static void requireFields(OnnxFile file, SampleFields fields) {
    file.fields()
        .forEach(
            (name, field) -> {
              if (!fields.names().contains(name)) {
                throw file.error(
                    "takes field %s; the data have %s".formatted(name, fields.names()));
              }
              final long[] there = fields.shape(name, -1);
              final int type =
                  name.equals(SampleFields.IMAGE) ? OnnxMessage.FLOAT : OnnxMessage.INT64;
              if (type != field.type() || !Arrays.equals(there, field.shape())) {
                throw file.error(
                    "takes field %s with shape %s, and the data have %s (-1: samples; images are float32, labels int64)"
                        .formatted(name, Arrays.toString(field.shape()), Arrays.toString(there)));
              }
            });
  }

  /** The tensors in flat order: shared parameters, then each task's own, then buffers. */
  private static List<TensorShape> tensors(OnnxFile file, RunSpec spec) {
    final List<String> outputs = spec.tasks().stream().map(TaskSpec::outputName).toList();
    final List<TensorShape> tensors = new ArrayList<>();
    for (final OnnxDescription.Parameter parameter : file.description().parameters()) {
      final int owner = parameter.task() == null ? -1 : outputs.indexOf(parameter.task());
      tensors.add(
          new TensorShape(
              parameter.name(), parameter.shape(), owner < 0 ? TensorShape.SHARED : owner));
    }
    tensors.sort(Comparator.comparingInt(TensorShape::owner));
    for (final OnnxDescription.Buffer buffer : file.description().buffers()) {
      final var learnsFrom = new TreeSet<Integer>();
      for (final String loss : buffer.tasks()) {
        if (!outputs.contains(loss)) {
          throw file.error(
              "has buffer %s that learns from loss %s, which is no task's of the run; export it without that loss"
                  .formatted(buffer.name(), loss));
        }
        learnsFrom.add(outputs.indexOf(loss));
      }
      tensors.add(TensorShape.buffer(buffer.name(), buffer.shape(), List.copyOf(learnsFrom)));
    }
    return List.copyOf(tensors);
  }
}
