package io.gradstream.cli;

import io.gradstream.producer.model.ModelCommand;
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
}
