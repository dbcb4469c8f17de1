package io.gradstream.cli;

import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.spec.ListedKey;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream keys}. */
@Command(
    name = "keys",
    description = {
      "Makes a key pair: writes the private key and prints the line for the run spec.",
      "What a role publishes counts, where a spec lists keys of it, only if one of them signed it.",
      "Workers sign gradients, parameter servers weights, evaluators validation losses."
    },
    mixinStandardHelpOptions = true)
final class KeysCommand implements Callable<Integer> {
  /** Whose key it is: one of the three. */
  static final class Owner {
    @Option(names = "--worker", paramLabel = "NAME", description = "A worker's name in the log.")
    private @Nullable String worker;

    @Option(names = "--server", paramLabel = "NAME", description = "A parameter server's name.")
    private @Nullable String server;

    @Option(
        names = "--evaluator",
        paramLabel = "NAME",
        description = "An evaluator's name in the log.")
    private @Nullable String evaluator;

    String role() {
      return worker != null ? "worker" : server != null ? "server" : "evaluator";
    }

    String name() {
      return Stream.of(worker, server, evaluator)
          .filter(Objects::nonNull)
          .findFirst()
          .orElseThrow(() -> new IllegalStateException("the group demands one"));
    }
  }

  @ArgGroup(multiplicity = "1")
  private final Owner owner = new Owner();

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "Where the private key goes, such as alice.key.")
  private Path file;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final String role = owner.role();
    final String name = owner.name();
    if (!ListedKey.isName(name)) {
      throw new UserError(
          "--%s: \"%s\" is not allowed; %s"
              .formatted(role, Printable.of(name), ListedKey.NAME_RULE));
    }
    final var out = spec.commandLine().getOut();
    out.printf("keys:%n  - {%s: %s, public-key: %s}%n", role, name, Signer.generate(file));
    out.flush();
    return 0;
  }
}
