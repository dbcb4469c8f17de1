package io.gradstream.producer.model.mae;

import ai.djl.ndarray.NDManager;
import com.google.protobuf.ByteString;
import io.gradstream.producer.data.DataSources;
import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.loss.ReconstructionLosses;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.ModelType;
import io.gradstream.producer.model.Requirements;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.spec.Compute;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SpecError;
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
    ImageData data = DataSources.CATALOG.create(spec.data());
    Requirements.heldOut(spec, data);
    Geometry geometry;
    try {
      geometry = Geometry.of(options, data);
    } catch (SpecError e) {
      throw spec.model().locate(e);
    }
    final ByteString digest = ByteString.copyFrom(data.digest());
    return () -> {
      Compute compute = spec.compute();
      NDManager manager = TorchEngine.open(compute.device(), compute.intraOpThreads());
      int batchSize = spec.accumulation().batchSize();
      return new MaskedAutoencoder(
          options, geometry, data, tasks, spec.seed(), batchSize, manager, digest);
    };
  }
}
