package io.gradstream.producer.model.toy;

import io.gradstream.producer.loss.Objective;
import io.gradstream.producer.loss.Objectives;
import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.ModelType;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.SpecError;
import io.gradstream.proto.spec.TaskSpec;
import java.util.ArrayList;
import java.util.function.Supplier;

/** Puts analytic models together from a run spec. */
public record ToyType(ToyOptions options) implements ModelType {
  @Override
  public boolean hasData() {
    return false;
  }

  @Override
  public Supplier<TaskModel> prepare(RunSpec spec, ModelCommand command, ModelFile file) {
    if (!spec.data().kind().equals("none")) {
      throw spec.data().error("type", "model toy takes no data; leave this section out");
    }
    int dimension = options.dimension() + options.ownDimension();
    var tasks = new ArrayList<ToyModel.Task>();
    for (TaskSpec task : spec.tasks()) {
      Section loss = task.loss();
      try {
        Objective objective =
            Objectives.CATALOG.create(loss).create(spec.seed(), tasks.size(), dimension);
        tasks.add(new ToyModel.Task(task.name(), objective, task.weight()));
      } catch (SpecError e) {
        throw loss.locate(e);
      }
    }
    return () -> new ToyModel(options, tasks, spec.seed());
  }
}
