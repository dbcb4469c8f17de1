package io.gradstream.producer.model.mae;

import ai.djl.ndarray.NDManager;
import io.gradstream.producer.loss.ReconstructionLosses;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.ModelType;
import io.gradstream.producer.model.TaskData;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.spec.Compute;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SpecError;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Puts masked auto-encoders together from a run spec. */
public record MaeType(MaeOptions options) implements ModelType {
  @Override
  public Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command, ModelFile file) {
    List<MaskedAutoencoder.Task> tasks =
        spec.tasks().stream()
            .map(
                task ->
                    new MaskedAutoencoder.Task(
                        ReconstructionLosses.CATALOG.create(task.loss()), task.weight()))
            .toList();
    TaskData data = TaskData.read(spec);
    List<Geometry> geometries = geometries(spec, data);
    return () -> {
      Compute compute = spec.compute();
      NDManager manager = TorchEngine.open(compute.device(), compute.intraOpThreads());
      return new MaskedAutoencoder(options, geometries, data, tasks, spec.seed(), manager);
    };
  }

  /** One for each source of the data; all cut images alike, and normalise by their own. */
  private List<Geometry> geometries(RunSpec spec, TaskData data) {
    List<Geometry> geometries = new ArrayList<>();
    try {
      for (TaskData.Source source : data.sources()) {
        Geometry geometry = Geometry.of(options, source.data());
        if (!geometries.isEmpty() && !geometry.grid().equals(geometries.getFirst().grid())) {
          throw spec.batches()
              .data(source.tasks().getFirst())
              .error(
                  "directory",
                  "images of %d x %d pixels, and those of task %s have %d x %d; model mae needs images of one size"
                      .formatted(
                          source.data().training().height(),
                          source.data().training().width(),
                          spec.tasks().getFirst().name(),
                          data.of(0).training().height(),
                          data.of(0).training().width()));
        }
        geometries.add(geometry);
      }
    } catch (SpecError e) {
      throw spec.model().locate(e);
    }
    return geometries;
  }
}
