package io.gradstream.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code gradstream schema}. */
@Command(
    name = "schema",
    description = "Prints the JSON Schema of run specs, for editors to complete and check them.",
    mixinStandardHelpOptions = true)
final class SchemaCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    final var out = spec.commandLine().getOut();
    out.print(SpecCatalogs.schema());
    out.flush();
  }
}
