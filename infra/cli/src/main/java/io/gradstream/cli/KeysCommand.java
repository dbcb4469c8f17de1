package io.gradstream.cli;

import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.spec.WorkerKey;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream keys}. */
@Command(
    name = "keys",
    description =
        "Makes a worker's key pair: writes the private key, prints the line for the run spec.",
    mixinStandardHelpOptions = true)
final class KeysCommand implements Callable<Integer> {
  @Option(
      names = "--worker",
      required = true,
      paramLabel = "NAME",
      description = "The worker's name in the log.")
  private String worker;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "Where the private key goes, such as alice.key.")
  private Path file;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (!WorkerKey.isName(worker)) {
      throw new UserError(
          "--worker: \"" + Printable.of(worker) + "\" is not allowed; " + WorkerKey.NAME_RULE);
    }
    final var out = spec.commandLine().getOut();
    out.printf("keys:%n  - {worker: %s, public-key: %s}%n", worker, Signer.generate(file));
    out.flush();
    return 0;
  }
}
