package io.gradstream.producer.model.torchscript;

import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.TaskData;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;

/** What all instances of a TorchScript model in a process have in common. */
record TorchScriptSetup(
    RunSpec spec,
    TorchScriptOptions options,
    ModelFile file,
    List<TorchScriptTask> tasks,
    TaskData data) {
  UserError fileError(String message) {
    return spec.model().error("file", file.name() + " " + message);
  }
}
