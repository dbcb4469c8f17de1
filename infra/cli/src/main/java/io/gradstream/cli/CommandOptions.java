package io.gradstream.cli;

import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.log.KafkaRunLog;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunPlugins;
import io.gradstream.proto.spec.RunSpec;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which program a process may start for a run whose spec comes from a topic. */
final class CommandOptions {
  @Option(
      names = "--command",
      paramLabel = "COMMAND",
      description = {
        "For model type process: the program to start, such as \"python3 two_digits.py\".",
        "What the run itself names is never started, and a script that is not the run's is refused."
      })
  private @Nullable String command;

  /** The command; {@link ModelCommand#NONE} where none was given. */
  ModelCommand command() {
    return command == null ? ModelCommand.NONE : ModelCommand.of(command);
  }

  /**
   * What makes the model of a run, of the file that travels with it and of the command.
   *
   * @throws io.gradstream.proto.UserError if either is not the run's, or something of the model is
   *     missing here
   */
  Supplier<TaskModel> models(RunLog log) {
    return models(log, log.run().spec());
  }

  private Supplier<TaskModel> models(RunLog log, RunSpec spec) {
    RunPlugins.require(log.run(), RunPlugins.PRODUCER);
    return Models.prepare(spec, command().forRun(log.run()), ModelFile.of(log));
  }

  /** The same for a run on a cluster. */
  Supplier<TaskModel> models(Run run) {
    try (var log = new KafkaRunLog(run)) {
      return models(log);
    }
  }

  /** The same on a device of this process's own, in place of the spec's. */
  Supplier<TaskModel> models(Run run, String device) {
    try (var log = new KafkaRunLog(run)) {
      return models(log, log.run().spec().on(device));
    }
  }
}
